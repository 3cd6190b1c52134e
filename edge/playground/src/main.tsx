/** The page's entry point. */
import { render } from "preact";
import { App } from "./app.tsx";
import { watchHealth } from "./state/health.ts";
import "./style/base.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/conversation.css";
import "./style/change.css";
import "./style/panel.css";
import "./style/compare.css";
import "./style/account.css";
import "./style/model.css";
import "./style/rich.css";
import "./style/print.css";

void watchHealth();
render(<App />, document.getElementById("app")!);
