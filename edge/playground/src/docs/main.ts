/** What scripts add to /docs and /docs/guides: search, copying, language tabs, and trying out a call with the page's key. */
import { addCopyButtons } from "./copy.ts";
import { addSearch } from "./search.ts";
import { makeTabs } from "./tabs.ts";
import { addTryIt } from "./try-it.ts";

makeTabs();
addCopyButtons();
addTryIt();
addSearch();
