/** Line breaks, and what a terminal obeys. */
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** Text on one line that no terminal takes for a command: names and reasons of strangers stand in our sentences. */
export function onOneLine(text: string): string {
  return text.replace(CONTROL, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
