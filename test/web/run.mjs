/** run.mjs - all tests of the page; with HONGYAN_ONLY=WORDS those whose sentence has them. */
import { choices } from "./choices.mjs";
import { finish, openBrowser } from "./harness.mjs";
import { looks } from "./looks.mjs";
import { people } from "./people.mjs";
import { speed } from "./speed.mjs";
import { trouble } from "./trouble.mjs";

const browser = await openBrowser();
await people(browser);
await choices(browser);
await trouble(browser);
await looks(browser);
await speed(browser);
await browser.close();
finish();
