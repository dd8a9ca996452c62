/**
 * app.tsx - the frame. On a phone one pane and tabs below it; from 720 px on a rail, the list pane and the main pane.
 * What stands in the panes is the pages': each has a list (chats, contacts, the sections of "me") and what is open of it.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Badge } from "./design/Badge.tsx";
import { Banner } from "./design/Banner.tsx";
import { Button } from "./design/Button.tsx";
import { EmptyState } from "./design/EmptyState.tsx";
import { Icon, type IconName } from "./design/Icon.tsx";
import { Mark } from "./design/Mark.tsx";
import { ToastRegion } from "./design/Toast.tsx";
import { ChatsPage } from "./pages/chats/ChatsPage.tsx";
import { lastAnnounced } from "./pages/contacts/announce.ts";
import { ContactPage } from "./pages/contacts/ContactPage.tsx";
import { ContactsPage } from "./pages/contacts/ContactsPage.tsx";
import { ConversationPage } from "./pages/conversation/ConversationPage.tsx";
import { MePage } from "./pages/me/MePage.tsx";
import { MeSection } from "./pages/me/MeSection.tsx";
import { WelcomePage } from "./pages/welcome/WelcomePage.tsx";
import {
	contacts,
	conversations,
	displayName,
	incomingRequests,
	me,
	retryNow,
	session,
	unreadTotal,
	user,
} from "./state/client.ts";
import { t } from "./state/language.ts";
import { linkNotice } from "./state/link_notice.ts";
import { followFocus } from "./state/pane_focus.ts";
import { loadServerInfo } from "./state/server_info.ts";
import { go, href, route, type PageName } from "./state/route.ts";
import "./app.css";

function LinkBanner() {
	const notice = linkNotice.value;
	if (notice === "none") return null;
	return (
		<div class="app-banner">
			{notice === "offline" ? (
				<Banner kind="warn" icon="offline" action={{ label: t.shell.tryNow, onClick: retryNow }}>
					{t.shell.offline}
				</Banner>
			) : (
				<Banner icon="retry">{t.shell.connecting}</Banner>
			)}
		</div>
	);
}

function NavLink(props: { page: PageName; icon: IconName; label: string; count?: number; countLabel?: string }) {
	const here = route.value.page === props.page;
	return (
		<a class="nav-link" href={href(props.page)} aria-current={here ? "page" : undefined}>
			<span class="nav-icon">
				<Icon name={props.icon} size={24} />
				<Badge count={props.count ?? 0} label={props.countLabel} />
			</span>
			<span class="nav-label">{props.label}</span>
		</a>
	);
}

function Navigation() {
	const unread = unreadTotal.value;
	const requests = incomingRequests.value.length;
	return (
		<nav class="nav" aria-label={t.shell.navigation}>
			<span class="nav-mark">
				<Mark size={40} />
			</span>
			<NavLink
				page="chats"
				icon="chats"
				label={t.shell.chats}
				count={unread}
				countLabel={t.shell.unread(unread)}
			/>
			<NavLink
				page="contacts"
				icon="contacts"
				label={t.shell.contacts}
				count={requests}
				countLabel={t.shell.requests(requests)}
			/>
			<NavLink page="me" icon="person" label={t.shell.me} />
		</nav>
	);
}

/** Where no conversation is open: what to do, for newcomers first who they are here. */
function NoConversation() {
	const self = me.value;
	if (conversations.value === null) return null;
	const isNew = conversations.value?.length === 0 && contacts.value?.length === 0;
	if (self && isNew)
		return <EmptyState title={t.shell.newcomer(displayName(self))} text={t.shell.newcomerText(self.name)} />;
	return <EmptyState title={t.shell.emptyChat} text={t.shell.emptyChatText} />;
}

/** The list of the page that is shown, and what is open of it. */
function panes(): { list: ComponentChildren; main: ComponentChildren } {
	const { page, part, uin } = route.value;
	if (page === "contacts")
		return {
			list: <ContactsPage uin={uin} />,
			main: uin ? (
				<ContactPage key={uin} uin={uin} />
			) : (
				<EmptyState title={t.shell.emptyContact} text={t.shell.emptyContactText} />
			),
		};
	if (page === "me") return { list: <MePage section={part} />, main: <MeSection section={part} /> };
	return {
		list: <ChatsPage peer={uin} />,
		main: uin ? <ConversationPage key={uin} peer={uin} /> : <NoConversation />,
	};
}

function Frame() {
	const { page, part } = route.value;
	const { list, main } = panes();
	useLayoutEffect(() => followFocus(), [page, part]);
	const classes = ["app"];
	if (part) classes.push("app-main-open");
	if (part && page === "chats") classes.push("app-conversation");
	if (linkNotice.value !== "none") classes.push("app-noticed");
	return (
		<div class={classes.join(" ")}>
			<Navigation />
			<LinkBanner />
			<p class="sr-only" role="status">
				{lastAnnounced.value}
			</p>
			<main class="panes">
				<section class="pane pane-list">{list}</section>
				<section class="pane pane-main">{main}</section>
			</main>
		</div>
	);
}

function Broken() {
	return (
		<main class="app-whole">
			<h1 class="sr-only">{t.common.product}</h1>
			<EmptyState title={t.shell.broken} text={t.shell.brokenText}>
				<Button kind="primary" onClick={() => location.reload()}>
					{t.shell.reload}
				</Button>
			</EmptyState>
		</main>
	);
}

/** Who is not signed in sees the welcome page, whatever the address says. */
function Page() {
	const isWelcome = route.value.page === "welcome";
	const state = session.value;
	const who = user.value;
	const before = useRef(who);
	useLayoutEffect(() => {
		if (before.current !== 0 && before.current !== who) go(href("chats"), true);
		before.current = who;
	}, [who]);
	useLayoutEffect(() => {
		if (state === "in" && isWelcome) go(href("chats"), true);
		if (state === "out" && !isWelcome) go(href("welcome"), true);
		if (state === "out") void loadServerInfo();
	}, [state, isWelcome]);
	if (state === "broken") return <Broken />;
	if (state === "out") return <WelcomePage />;
	if (state === "opening") return <div class="app-whole" aria-busy="true" />;
	return <Frame key={who} />;
}

/** All there is. */
export function App() {
	return (
		<>
			<Page />
			<ToastRegion />
		</>
	);
}
