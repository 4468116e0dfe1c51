import "./app.css";
import "./htmx.js";
import { start as charts } from "./charts.js";
import { start as chooser } from "./chooser.js";
import { start as dialogs } from "./dialogs.js";
import { start as forms } from "./forms.js";
import { start as keys } from "./keys.js";
import { start as live } from "./live.js";
import { start as lists } from "./lists.js";
import { start as palette } from "./palette.js";
import { start as theme } from "./theme.js";
import { start as toasts } from "./toasts.js";
import { start as small } from "./small.js";

for (const start of [theme, toasts, dialogs, forms, chooser, lists, palette, keys, charts, live, small]) start();
