/** Models for the tests of those who train them. */
export { withoutGradient } from "./without-gradient.ts";
