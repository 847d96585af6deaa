"""The page's Gradio theme, light and dark: one text colour, one accent, system fonts."""

from __future__ import annotations

from gradio.themes import Base
from gradio.themes.utils import colors, sizes

# Text has a contrast of at least 4.5 in both modes (WCAG 2.2 AA).
THEME = Base(
    primary_hue=colors.teal,
    neutral_hue=colors.stone,
    radius_size=sizes.radius_md,
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    body_background_fill="#faf9f7",
    body_background_fill_dark="#17181a",
    background_fill_primary="#ffffff",
    background_fill_primary_dark="#1f2123",
    background_fill_secondary="#f2f0ec",
    background_fill_secondary_dark="#17181a",
    block_background_fill="#ffffff",
    block_background_fill_dark="#1f2123",
    body_text_color="#1f2328",
    body_text_color_dark="#e6e4df",
    body_text_color_subdued="#57606a",
    body_text_color_subdued_dark="#a9a69f",
    border_color_primary="#ddd9d1",
    border_color_primary_dark="#383a3d",
    input_border_width="1px",
    input_border_color="#8a8578",
    input_border_color_dark="#7d7a73",
    input_background_fill="#ffffff",
    input_background_fill_dark="#1f2123",
    input_placeholder_color="#6b6659",
    input_placeholder_color_dark="#a9a69f",
    button_primary_background_fill="#0f5257",
    button_primary_background_fill_hover="#0b3f43",
    button_primary_background_fill_dark="#7fd1c7",
    button_primary_background_fill_hover_dark="#a5e3db",
    button_primary_text_color="#ffffff",
    button_primary_text_color_dark="#0c2224",
    block_label_text_color="#1f2328",
    block_label_text_color_dark="#e6e4df",
    block_title_text_color="#1f2328",
    block_title_text_color_dark="#e6e4df",
)
