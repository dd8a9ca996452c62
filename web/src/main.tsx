/** main.tsx - where the page starts. */
import { render } from "preact";
import "./design/tokens.css";
import "./design/base.css";
import { App } from "./app.tsx";
import { startAnnouncing } from "./pages/contacts/announce.ts";
import { startClient } from "./state/client.ts";
import { startLanguage } from "./state/language.ts";
import { startLinkNotice } from "./state/link_notice.ts";
import { startRoute } from "./state/route.ts";
import { startSending } from "./state/sending.ts";
import { startTheme } from "./state/theme.ts";
import { startTitle } from "./state/title.ts";

startTheme();
startLanguage();
startRoute();
startTitle();
startLinkNotice();
startAnnouncing();
startSending();
void startClient();

const place = document.getElementById("app");
if (place) render(<App />, place);
