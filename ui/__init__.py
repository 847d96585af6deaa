"""The chat page. Importing this package silences Gradio's telemetry before Gradio is imported."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # exactly so: Gradio takes "false" and "0" for consent
