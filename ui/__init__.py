"""The chat page, its addresses for programs, and the `pilcrow` command.

Importing this package turns Gradio's telemetry off before Gradio is imported.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # exactly so: Gradio takes "false" and "0" for consent
