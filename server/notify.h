/* Telling the service manager how we are, by its socket, without its library. Any thread; does
 * nothing when NOTIFY_SOCKET is not set. */
#ifndef MD_SERVER_NOTIFY_H
#define MD_SERVER_NOTIFY_H

/** Send a state, for example "READY=1". Failure has no consequence. */
void md_notify(const char *state);
/** A reload begins: RELOADING=1 with the time, as Type=notify-reload wants it. */
void md_notify_reloading(void);
#endif
