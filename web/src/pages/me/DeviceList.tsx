/** DeviceList.tsx - where one is signed in, and the way to end that. */
import { HongyanError, type Device } from "hongyan";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { ConfirmDialog } from "../../design/ConfirmDialog.tsx";
import { Icon } from "../../design/Icon.tsx";
import { SkeletonRows } from "../../design/Skeleton.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, devicesChanged, linkState } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { agoText, fullTimeText } from "../../text/format.ts";
import { whenReached } from "../contacts/reached.ts";
import { Spoken } from "../contacts/Spoken.tsx";
import { byUse, deviceIcon } from "./devices.ts";
import "./DeviceList.css";

function nameOf(device: Device): string {
	return device.name || t.me.deviceNameless;
}

/** Asked anew whenever they may be others, and when there is a link again. null: not known yet. */
function useDevices(): { devices: readonly Device[] | null; failed: boolean; reload: () => void } {
	const [devices, setDevices] = useState<readonly Device[] | null>(null);
	const [failed, setFailed] = useState(false);
	const [turn, setTurn] = useState(0);
	const changed = devicesChanged.value;
	const online = linkState.value === "online" || linkState.value === "polling";
	useEffect(() => {
		let alive = true;
		whenReached(() => client.devices())
			.then((list) => {
				if (!alive) return;
				setDevices(byUse(list));
				setFailed(false);
			})
			.catch(() => alive && setFailed(true));
		return () => {
			alive = false;
		};
	}, [changed, online, turn]);
	return { devices, failed, reload: () => setTurn((last) => last + 1) };
}

function DeviceRow({ device, onEnd }: { device: Device; onEnd: () => void }) {
	const name = nameOf(device);
	const use = device.thisOne ? t.me.thisDevice : device.online ? t.me.online : t.me.lastUse(agoText(device.seenMs));
	return (
		<li class="device">
			<span class="device-icon">
				<Icon name={deviceIcon(device.name)} />
				{device.online && <span class="device-dot" />}
			</span>
			<span class="device-words">
				<span class="device-name">{name}</span>
				<span
					class={device.thisOne ? "device-use device-this" : "device-use"}
					title={fullTimeText(device.seenMs)}
				>
					{use}
				</span>
				<span class="device-use">{t.me.signedIn(agoText(device.signedInMs))}</span>
			</span>
			{!device.thisOne && (
				<Button small onClick={onEnd}>
					<Spoken seen={t.me.deviceSignOut} heard={t.me.deviceSignOutWho(name)} />
				</Button>
			)}
		</li>
	);
}

/** `device` null: all others. It may have gone by itself meanwhile, which is as good. */
function EndDialog({ device, onDone, onClose }: { device: Device | null; onDone: () => void; onClose: () => void }) {
	const end = async () => {
		try {
			await whenReached(() => client.signOutDevice(device?.device));
		} catch (problem) {
			if (!(problem instanceof HongyanError) || problem.code !== "NOT_FOUND") throw problem;
		}
		toast({ text: device ? t.me.deviceEnded(nameOf(device)) : t.me.devicesEnded });
		onDone();
	};
	return (
		<ConfirmDialog
			danger
			title={device ? t.me.deviceTitle(nameOf(device)) : t.me.devicesOthersTitle}
			action={device ? t.me.deviceSignOut : t.me.devicesOthers}
			onConfirm={end}
			onClose={onClose}
		>
			{device ? t.me.deviceText : t.me.devicesOthersText}
		</ConfirmDialog>
	);
}

/** This one first, then by last use. */
export function DeviceList() {
	const { devices, failed, reload } = useDevices();
	const [ending, setEnding] = useState<{ device: Device | null } | null>(null);
	const heading = useRef<HTMLHeadingElement>(null);
	const ended = useRef(false);
	useLayoutEffect(() => {
		/* The button that was pressed has left with its device. */
		if (ended.current && document.activeElement === document.body) heading.current?.focus();
	}, [devices, ending]);
	const done = () => {
		ended.current = true;
		reload();
	};
	const others = devices?.filter((device) => !device.thisOne) ?? [];
	return (
		<>
			<h2 class="sheet-heading" ref={heading} tabIndex={-1}>
				{t.me.devices}
			</h2>
			{failed && !devices && (
				<Banner kind="warn" icon="offline" action={{ label: t.common.retry, onClick: reload }}>
					{t.me.devicesOffline}
				</Banner>
			)}
			{!devices && !failed && (
				<div class="card">
					<SkeletonRows count={2} label={t.common.loading} />
				</div>
			)}
			{devices && (
				<ul class="card devices" aria-label={t.me.devices}>
					{devices.map((device) => (
						<DeviceRow key={device.device} device={device} onEnd={() => setEnding({ device })} />
					))}
				</ul>
			)}
			{others.length > 1 && (
				<div>
					<Button icon="signOut" onClick={() => setEnding({ device: null })}>
						{t.me.devicesOthers}
					</Button>
				</div>
			)}
			{devices && others.length === 0 && <p class="sheet-note">{t.me.onlyThis}</p>}
			{ending && <EndDialog device={ending.device} onDone={done} onClose={() => setEnding(null)} />}
		</>
	);
}
