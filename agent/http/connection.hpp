// One connection to the server and the requests that go over it, one at a time. Blocking: it lives on a slot's thread.
#pragma once

#include "agent/http/endpoint.hpp"
#include "agent/http/http.hpp"
#include "agent/http/settings.hpp"
#include "agent/http/trust.hpp"

#include <atomic>
#include <string>
#include <string_view>

namespace relay::http {

inline constexpr std::size_t max_headers = 100; // further ones are dropped

// How long after its start an exchange had come so far; zero for what it did not need or reach.
struct phases {
    std::chrono::microseconds name, connected, tls, first_byte, all;
};

class connection {
public:
    // All of them outlive the connection. `server.tls` false: `who` is not looked at.
    connection(const endpoint& server, trust& who, const connection_limits& limits, const std::string& user_agent);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // Which connection a request may take.
    enum class route {
        any,       // the live one, or a new one
        new_one,   // the live one is closed first
        same,      // only the one of the last exchange; `moved` in the result where it is gone, and nothing was sent
    };

    struct order {
        const request& what;
        std::string_view body;                        // of `what`, or nothing for a step of a sign-in
        std::string_view authorization;               // the header's value; empty: none
        steady_time deadline;
        route by = route::any;
        const std::atomic<bool>& cancelled;           // set, then wake(): exchange() ends with operation_aborted
        void (*on_status)(void*, int) = nullptr;      // the final status line is here; called on this thread
        void* on_status_argument = nullptr;
    };
    struct result {
        http::outcome outcome;
        bool moved = false;
    };

    // Sends one POST and waits for the whole answer. Nothing is ever sent twice: see connection.cpp.
    result exchange(const order& o);

    // Ends a running exchange() early once its `cancelled` is set. Any thread, while this object lives.
    void wake() noexcept;

    // True where the connection of the last exchange is open and quiet, so that a request with route::same is likely to
    // find it.
    bool open() const noexcept;

    // The certificate of the newest TLS handshake.
    const presented& peer() const noexcept { return peer_; }
    // Of the last exchange.
    phases last() const;
    // How many connections were opened in all.
    std::uint64_t opened() const noexcept { return opened_; }

private:
    struct transfer;
    struct callbacks;

    void configure();
    http::outcome finish(transfer& t, int code);
    failed why(const transfer& t, int code);

    const endpoint& server_;
    trust& trust_;
    const connection_limits& limits_;
    void* multi_ = nullptr; // CURLM: a connection cache of its own, for one connection
    void* easy_ = nullptr;  // CURL
    char error_text_[256] = {};
    presented peer_;
    std::uint64_t opened_ = 0;       // sockets created
    std::uint64_t opened_then_ = 0;  // at the end of the last exchange
    std::intptr_t socket_ = -1;      // of the last exchange, while it is open
    transfer* running_ = nullptr;
};

} // namespace relay::http
