#pragma once

// A target that costs as little as one can: one thread on epoll, a fixed answer to every request. Requests whose path
// begins with /hang are never answered.

// Listens on a free port of loopback; returns the listening socket and its port, or -1.
int target_listen(int *port);

// Serves until the process ends.
void target_serve(int listener);
