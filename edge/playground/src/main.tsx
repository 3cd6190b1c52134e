import { render } from "preact";

render(<h1>rosa2</h1>, document.getElementById("app")!);
