/** node.ts - "hongyan/node": what programs have and pages have not. */
export { FileStore } from "./file_store.ts";
