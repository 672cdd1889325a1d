#include "tests/unit/http/scripted_server.hpp"

#include "common/text/text.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace relay::test {
namespace {

thread_local std::atomic<int>* bodies_seen = nullptr;
thread_local bool answers_proofs = true;

} // namespace

std::size_t peer::some(char* to, std::size_t size)
{
    const auto got =
        tls_ ? SSL_read(tls_, to, static_cast<int>(size)) : static_cast<int>(::recv(socket_, to, size, 0));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::optional<seen_request> peer::read()
{
    char buffer[16384];
    const auto more = [&] {
        const auto got = some(buffer, sizeof buffer);
        pending_.append(buffer, got);
        return got > 0;
    };
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == pending_.npos)
        if (!more())
            return std::nullopt;
    seen_request r;
    std::string_view head(pending_.data(), end);
    std::size_t length = 0;
    for (bool first = true; !head.empty(); first = false) {
        const auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(head.size(), line.size() + 2));
        if (first) {
            r.line = line;
            continue;
        }
        const auto colon = line.find(':');
        r.headers[ascii_lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
    if (const auto l = r.headers.find("content-length"); l != r.headers.end())
        length = std::stoul(l->second);
    while (pending_.size() < end + 4 + length)
        if (!more())
            return std::nullopt;
    r.body = pending_.substr(end + 4, length);
    pending_.erase(0, end + 4 + length);
    if (!r.body.empty())
        ++*bodies_seen;
    const auto sign_in = r.headers.find("authorization");
    if (answers_proofs && r.body.empty() && sign_in != r.headers.end() &&
        sign_in->second.starts_with("Basic ")) {
        answer(500, "");
        return read();
    }
    return r;
}

void peer::write(const std::string& bytes)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto put =
            tls_ ? SSL_write(tls_, bytes.data() + done, static_cast<int>(bytes.size() - done))
                 : static_cast<int>(::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL));
        if (put <= 0)
            return;
        done += static_cast<std::size_t>(put);
    }
}

void peer::answer(int status, const std::string& body, const std::string& more_headers)
{
    write("HTTP/1.1 " + std::to_string(status) +
          " X\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n" + more_headers + "\r\n" + body);
}

void peer::reset()
{
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    tls_ = nullptr;
}

void peer::hang()
{
    char buffer[1024];
    while (::recv(socket_, buffer, sizeof buffer, 0) > 0) {
    }
}

scripted_server::script scripted_server::always(const std::string& body)
{
    return [body](peer& p) {
        while (p.read())
            p.answer(200, body);
    };
}

scripted_server::scripted_server(const identity& who, script play, security s)
    : play_(std::move(play)),
      security_(s)
{
    std::signal(SIGPIPE, SIG_IGN);
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, who.certificate.get());
    SSL_CTX_use_PrivateKey(context_, who.key.get());
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0)
        throw std::runtime_error("cannot listen on loopback");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
}

scripted_server::~scripted_server()
{
    {
        const std::lock_guard hold(lock_);
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        for (const auto& [number, socket] : sockets_)
            ::shutdown(socket, SHUT_RDWR);
    }
    acceptor_.join();
    for (auto& t : threads_)
        t.join();
    ::close(listener_);
    SSL_CTX_free(context_);
}

std::string scripted_server::url(const std::string& host) const
{
    return (security_ == security::tls ? "https://" : "http://") + host + ":" + std::to_string(port_) +
           "/EWS/Exchange.asmx";
}

void scripted_server::accept()
{
    for (;;) {
        const int socket = ::accept(listener_, nullptr, nullptr);
        if (socket < 0)
            return;
        const std::lock_guard hold(lock_);
        if (stopping_) {
            ::close(socket);
            return;
        }
        const int one = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        const int number = connections++;
        sockets_[number] = socket;
        threads_.emplace_back([this, socket, number] { serve(socket, number); });
    }
}

void scripted_server::serve(int socket, int number)
{
    bodies_seen = &bodies;
    relay::test::answers_proofs = answers_proofs;
    SSL* tls = nullptr;
    bool ready = true;
    if (security_ == security::tls) {
        tls = SSL_new(context_);
        SSL_set_fd(tls, socket);
        ready = SSL_accept(tls) == 1;
        handshakes += ready;
    }
    if (ready) {
        peer p(socket, tls, number);
        play_(p);
    }
    if (tls)
        SSL_free(tls);
    const std::lock_guard hold(lock_);
    sockets_.erase(number);
    ::close(socket);
    ++closed;
    closed.notify_all();
}

void scripted_server::await_closed(int count) const
{
    for (int now = closed; now < count; now = closed)
        closed.wait(now);
}

} // namespace relay::test
