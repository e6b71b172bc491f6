#define _GNU_SOURCE
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"done\":true}";

int target_listen(int *port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        return -1;
    *port = ntohs(address.sin_port);
    return listener;
}

struct connection {
    int socket;
    size_t used;
    char buffer[16384];
};

// Answers every whole request in the buffer; returns 0 when the connection is to be closed.
static int take(struct connection *c) {
    for (;;) {
        char *end = memmem(c->buffer, c->used, "\r\n\r\n", 4);
        if (!end) return c->used < sizeof c->buffer;
        size_t head = end + 4 - c->buffer, body = 0;
        char *field = memmem(c->buffer, head, "Content-Length: ", 16);
        if (field) body = strtoul(field + 16, NULL, 10);
        if (head + body > sizeof c->buffer) return 0;
        if (c->used < head + body) return 1;
        int hangs = memmem(c->buffer, 20, " /hang", 6) != NULL;
        if (!hangs && send(c->socket, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) return 0;
        c->used -= head + body;
        memmove(c->buffer, c->buffer + head + body, c->used);
    }
}

void target_serve(int listener) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (socket < 0 || !(c = malloc(sizeof *c))) continue;
                int yes = 1;
                setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                c->socket = socket;
                c->used = 0;
                event.data.ptr = c;
                epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
                continue;
            }
            ssize_t got = recv(c->socket, c->buffer + c->used, sizeof c->buffer - c->used, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got > 0) c->used += got;
            if (got <= 0 || !take(c)) {
                close(c->socket);
                free(c);
            }
        }
    }
}
