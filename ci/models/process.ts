/** File descriptor of the socket that a model's process listens on, and how it is started. */
export const LISTENING_FD = 3;
