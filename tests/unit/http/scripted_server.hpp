// A server on loopback that does to each connection what a test's script says: bytes in, bytes out, over TLS or plain.
#pragma once

#include "tests/unit/http/test_certificate.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

struct ssl_st;
struct ssl_ctx_st;

namespace relay::test {

struct seen_request {
    std::string line;                           // "POST /EWS/Exchange.asmx HTTP/1.1"
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;

    std::string header(const std::string& name) const
    {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

// One connection, as its script sees it. Blocking; what waits gives up when the server stops.
class peer {
public:
    peer(int socket, ssl_st* tls, int which) : number(which), socket_(socket), tls_(tls) {}

    // The next whole request; nothing where the client closed.
    std::optional<seen_request> read();
    void write(const std::string& bytes);
    // A complete answer with a length.
    void answer(int status, const std::string& body, const std::string& more_headers = "");
    // Ends the connection with an RST.
    void reset();
    // Until the client closes or the server stops.
    void hang();

    const int number; // 0 for the first connection, and so on

private:
    std::size_t some(char* to, std::size_t size);
    int socket_;
    ssl_st* tls_;
    std::string pending_;
};

class scripted_server {
public:
    using script = std::function<void(peer&)>;
    enum class security { tls, plain };

    scripted_server(const identity& who, script play, security s = security::tls);
    ~scripted_server();

    std::string url(const std::string& host = "localhost") const;
    int port() const { return port_; }

    // Basic credentials that come with nothing else are taken, and the script does not see them.
    std::atomic<bool> answers_proofs{true};
    std::atomic<int> connections{0};
    std::atomic<int> handshakes{0};
    std::atomic<int> closed{0}; // connections that the script is through with
    std::atomic<int> bodies{0}; // requests with a body that were read completely

    // Until `count` connections are closed, and the client's end can know it.
    void await_closed(int count) const;

    // A script that answers every request with 200 and `body`.
    static script always(const std::string& body = "<ok/>");

private:
    void accept();
    void serve(int socket, int number);

    script play_;
    security security_;
    ssl_ctx_st* context_ = nullptr;
    int listener_ = -1;
    int port_ = 0;
    std::mutex lock_;
    bool stopping_ = false;
    std::map<int, int> sockets_; // by connection number
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

} // namespace relay::test
