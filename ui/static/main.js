// What every page of Pilcrow does. Each module listens at the document, so that parts which arrive later work too.
import "./ask.js";
import "./pane.js";
import "./rail.js";
import "./turns.js";
import "./keys.js";
import "./typed.js";
import "./upload.js";
