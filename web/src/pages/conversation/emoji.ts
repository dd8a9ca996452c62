/** emoji.ts - a few emoji that people use most; whoever wants others has them on the keyboard. */

/** By what they show. */
export const EMOJI = {
	faces: "😀 😄 😁 😂 🤣 😊 😉 😍 😘 😎 🤔 😴 😅 😢 😭 😡 😱 🥳 🙄 😇 🤗 😋 🤒 🥺",
	hands: "👍 👎 👌 👏 🙏 💪 👋 🤝 ✌️ 🤞 👀 ❤️ 🧡 💚 💙 💔",
	things: "🌹 🌸 🍀 🌙 ☀️ ⛄ 🎉 🎂 🍜 🍻 ☕ ⚽ 🎵 🐶 🔥 ✨",
} as const;

/** What EMOJI is parted into. */
export type EmojiGroup = keyof typeof EMOJI;
