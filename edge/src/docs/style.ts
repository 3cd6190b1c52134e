/** The style of the API reference: one sheet, light and dark, without external fonts and images. */
export const style = `
:root { color-scheme: light dark; --edge: light-dark(#d9dce3, #343842); --soft: light-dark(#f4f5f8, #1d2027); --dim: light-dark(#5a6070, #a0a6b4); --link: light-dark(#1a56c4, #8ab4ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; background: light-dark(#fff, #14161b); color: light-dark(#191c22, #e8eaef); }
a { color: var(--link); } nav a { text-decoration: none; } nav a:hover, nav a:focus-visible { text-decoration: underline; }
code, pre { font: 0.875em/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { margin: 0.5rem 0; padding: 0.75rem 1rem; overflow-x: auto; background: var(--soft); border: 1px solid var(--edge); border-radius: 8px; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; font-size: 0.875rem; border-right: 1px solid var(--edge); }
nav h2 { margin: 1rem 0 0.25rem; font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.05em; color: var(--dim); }
nav ul { margin: 0; padding: 0; list-style: none; } nav a { display: block; padding: 0.15rem 0; overflow-wrap: anywhere; }
main { padding: 1.5rem 2rem 4rem; min-width: 0; }
h1 { margin: 0; } h2 { margin: 2.5rem 0 0.5rem; } h3 { margin: 0 0 0.25rem; font-size: 1.05rem; overflow-wrap: anywhere; } h4 { margin: 1rem 0 0.25rem; font-size: 0.9rem; }
.operation, .schema { margin: 1rem 0; padding: 1rem 1.25rem; border: 1px solid var(--edge); border-radius: 10px; scroll-margin-top: 1rem; }
.method { display: inline-block; min-width: 4.2em; font-weight: 700; }
.get { color: light-dark(#0b6b3a, #6fd6a0); } .post { color: light-dark(#1a56c4, #8ab4ff); } .delete { color: light-dark(#b3261e, #ff9a93); } .put, .patch { color: light-dark(#8a5a00, #f0c26a); }
.fields { margin: 0; padding-left: 1rem; list-style: none; border-left: 2px solid var(--edge); }
.fields li { padding: 0.2rem 0; overflow-wrap: anywhere; } .dim { color: var(--dim); overflow-wrap: anywhere; } .fields p { margin: 0; }
dl { display: grid; grid-template-columns: minmax(0, max-content) minmax(0, 1fr); gap: 0.2rem 1rem; margin: 0.25rem 0; } dd { margin: 0; }
details { margin: 0.5rem 0; border: 1px solid var(--edge); border-radius: 10px; } summary { padding: 0.6rem 1rem; cursor: pointer; font-weight: 600; } summary .dim { margin-left: 0.5em; font-weight: 400; } details pre { max-height: 32rem; margin: 0; border-width: 1px 0 0; border-radius: 0 0 10px 10px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
button, input, textarea { font: inherit; color: inherit; padding: 0.35rem 0.7rem; border: 1px solid light-dark(#8a90a0, #6f7585); border-radius: 8px; background: light-dark(#fff, #14161b); } button { cursor: pointer; } textarea { display: block; width: 100%; font: 0.875em/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
nav input { width: 100%; margin-bottom: 0.5rem; } nav p { margin: 0; } .found { margin-bottom: 1rem; padding-bottom: 0.5rem; border-bottom: 1px solid var(--edge); }
.snippet { position: relative; } .copy { position: absolute; top: 0.5rem; right: 0.5rem; padding: 0.1rem 0.6rem; font-size: 0.8rem; } details .snippet pre { padding-right: 5rem; }
.tabs { margin: 0.75rem 0; } [role="tablist"] { display: flex; flex-wrap: wrap; gap: 0.25rem; border-bottom: 1px solid var(--edge); } [role="tab"] { border: 0; border-bottom: 2px solid transparent; border-radius: 0; background: none; } [role="tab"][aria-selected="true"] { border-bottom-color: var(--link); font-weight: 600; } [role="tabpanel"] pre { max-height: 32rem; padding-right: 5rem; }
.try form { display: grid; gap: 0.6rem; padding: 0.25rem 1rem 1rem; } .try label { font-size: 0.875rem; } .try button { justify-self: start; } .try pre { max-height: 24rem; margin: 0; border-width: 1px; border-radius: 8px; } .try p { margin: 0; }
dt[id], section[id] { scroll-margin-top: 1rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media print { :root { color-scheme: light; } nav, .copy, .try, [role="tablist"] { display: none; } .page { display: block; } pre, details pre, [role="tabpanel"] pre { max-height: none; overflow: visible; white-space: pre-wrap; } .operation, .schema { break-inside: avoid-page; } }
@media (max-width: 50rem) { .page { grid-template-columns: minmax(0, 1fr); } nav { position: static; max-height: 40vh; border-right: 0; border-bottom: 1px solid var(--edge); } main { padding: 1.25rem 1rem 3rem; } dl { grid-template-columns: minmax(0, 1fr); } dt { overflow-wrap: anywhere; } }
`;
