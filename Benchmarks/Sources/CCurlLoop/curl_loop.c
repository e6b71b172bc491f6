#include "curl_loop.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static size_t discard(char *bytes, size_t size, size_t count, void *sink) {
    (void)bytes, (void)sink;
    return size * count;
}

long curl_loop(const char *url, int concurrency, double seconds) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    CURL **easy = calloc(concurrency, sizeof *easy);
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    fields = curl_slist_append(fields, "Expect:");
    if (!multi || !easy) return -1;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
    for (int i = 0; i < concurrency; i++) {
        easy[i] = curl_easy_init();
        curl_easy_setopt(easy[i], CURLOPT_URL, url);
        curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy[i], CURLOPT_POSTFIELDS, "{}");
        curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, fields);
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, discard);
        curl_multi_add_handle(multi, easy[i]);
    }
    long answered = 0;
    double end = now() + seconds;
    while (now() < end) {
        int running, left;
        if (curl_multi_perform(multi, &running)) return -1;
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *done = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(done, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result == CURLE_OK && status == 200) answered++;
            curl_multi_remove_handle(multi, done);
            curl_multi_add_handle(multi, done);
        }
        curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    for (int i = 0; i < concurrency; i++) curl_multi_remove_handle(multi, easy[i]), curl_easy_cleanup(easy[i]);
    curl_multi_cleanup(multi);
    free(easy);
    return answered;
}
