"""The chat page, its addresses for programs, and the `pilcrow` command.

Importing this package turns Gradio's telemetry off before Gradio is imported.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # only this: Gradio takes "false" and "0" as consent
