/** A worker in the middle of a long step: it hears nothing. */
for (;;);
