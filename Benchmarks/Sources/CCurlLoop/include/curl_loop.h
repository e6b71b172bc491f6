#pragma once

// What libcurl does by itself: POSTs over kept connections from one thread, the next one as soon as one is answered.

// Returns how many were answered with 200 in this time; -1 when libcurl fails.
long curl_loop(const char *url, int concurrency, double seconds);
