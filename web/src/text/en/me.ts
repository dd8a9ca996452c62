/** me.ts - what the page about oneself says. */
import { pluralOf } from "../plural.ts";

const plural = pluralOf("en");

/** Profile, privacy, password, devices, language and looks, about, signing out. */
export const me = {
	title: "Me",
	sections: {
		profile: "Profile",
		privacy: "Privacy",
		security: "Password and devices",
		looks: "Language and looks",
		about: "About",
	},
	profileHint: "Your contacts see this, and so does whoever finds you by your account name.",
	nickname: "Nickname",
	nicknameHint: "How others see you. Left empty, it is your account name.",
	signature: "Signature",
	signatureHint: "A line of your own: how you are, what you are up to.",
	region: "Region",
	regionHint: "A city, a country: as you like.",
	colour: "Avatar colour",
	colourSoFar: "The colour so far",
	colours: {
		teal: "Teal",
		blue: "Blue",
		indigo: "Indigo",
		purple: "Purple",
		raspberry: "Raspberry",
		red: "Red",
		amber: "Amber",
		olive: "Olive",
		green: "Green",
		slate: "Slate",
	},
	saved: "Saved",
	profileSaved: "Your profile was saved",
	discard: "Undo changes",
	unseen: "There are characters in it that cannot be seen.",
	tooLong: (over: number) => plural(over, { one: "One character too long.", other: "# characters too long." }),

	mayWrite: "Who may write to you",
	mayAsk: "Who may ask to be your contact",
	mayWriteHint: "Everybody else is told that their message was refused.",
	mayAskHint: "With “Nobody”, no one can ask, even by your exact account name.",
	privacyHint: "Whom you have blocked can do neither.",
	who: {
		default: "The server’s default",
		contacts: "Contacts only",
		anyone: "Anyone",
		nobody: "Nobody",
	},

	passwordChange: "Change password",
	passwordHint: "All your other devices are signed out with it.",
	passwordOld: "Current password",
	passwordNew: "New password",
	passwordAgain: "New password, once more",
	passwordRule: "At least 8 characters.",
	passwordShort: "It needs at least 8 characters.",
	passwordLong: "At most 128 bytes.",
	passwordDiffers: "The two are not the same.",
	passwordWrong: "The current password is another one.",
	passwordSame: "That is the current one.",
	passwordMissing: "Please fill this in.",
	passwordChanged: "Your password was changed; other devices are signed out",

	devices: "Devices",
	thisDevice: "This device",
	online: "Online",
	lastUse: (ago: string) => `Last used ${ago}`,
	signedIn: (date: string) => `Signed in ${date}`,
	deviceNameless: "Unnamed device",
	deviceSignOut: "Sign out",
	deviceSignOutWho: (name: string) => `Sign out ${name}`,
	deviceTitle: (name: string) => `Sign out ${name}?`,
	deviceText: "It is cut off within a second, and needs your password to come back.",
	devicesOthers: "Sign out all other devices",
	devicesOthersTitle: "Sign out all other devices?",
	devicesOthersText:
		"They are cut off within a second, and need your password to come back. This one stays signed in.",
	deviceEnded: (name: string) => `${name} was signed out`,
	devicesEnded: "All other devices were signed out",
	devicesOffline: "The list of devices is shown when there is a connection again.",
	onlyThis: "There are no other devices.",

	looksHint: "These hold for this browser.",
	aboutText: "The wild goose that carries letters.",
	version: "Server version",
	server: "Server",
	licences: "Licences of what it is built with",

	signOut: "Sign out",
	signOutTitle: "Sign out of this device?",
	signOutText:
		"The messages kept on this device are removed from it. Signing in again brings back those that the server still keeps.",
	signOutUnsent: (count: number) =>
		plural(count, {
			one: "One message has not been sent yet, and would be lost.",
			other: "# messages have not been sent yet, and would be lost.",
		}),
	stay: "Stay signed in",
};
