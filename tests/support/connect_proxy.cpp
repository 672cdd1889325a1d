#include "tests/support/connect_proxy.hpp"

#include "common/async/async.hpp"
#include "common/async/task_group.hpp"
#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/ntlm.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

namespace relay::test {

using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

struct connect_proxy::impl {
    impl(const std::string& credentials, std::string answer_to_all, proxy_manners how,
         const ntlm_account* account = nullptr)
        : manners(how),
          expected(credentials.empty() ? "" : "Basic " + to_base64(credentials)),
          refusal(std::move(answer_to_all)),
          users(account ? std::make_unique<exchange_sim::ntlm_user_file>() : nullptr),
          ntlm(account ? std::make_unique<exchange_sim::sign_in_server>(
                             exchange_sim::sign_in_scheme::ntlm, exchange_sim::extended_protection::off, "")
                       : nullptr),
          acceptor(loop, {asio::ip::address_v4::loopback(), 0}),
          connections(loop.get_executor()),
          thread([this] { serve(); })
    {
        if (account)
            users->write(account->domain, account->user, account->password);
    }

    ~impl()
    {
        asio::post(loop, [this] { connections.stop(); });
        thread.join();
    }

    void serve()
    {
        connections.spawn(accept());
        asio::co_spawn(loop, connections.join(), [](std::exception_ptr) {});
        loop.run();
    }

    task<void> accept()
    {
        for (;;) {
            auto [ec, client] = co_await acceptor.async_accept(use_tuple);
            if (ec)
                co_return;
            connections.spawn(tunnel(std::move(client)));
        }
    }

    // The first line's target, and the sign-in that came with it.
    struct head {
        std::string host, port, authorization;
    };
    static std::optional<head> parse(const std::string& text)
    {
        std::istringstream lines(text);
        std::string method, target, line;
        lines >> method >> target;
        const auto colon = target.rfind(':');
        if (method != "CONNECT" || colon == target.npos)
            return std::nullopt;
        head h{target.substr(0, colon), target.substr(colon + 1), {}};
        while (std::getline(lines, line))
            if (constexpr std::string_view name = "proxy-authorization:";
                ascii_iequals(line.substr(0, name.size()), name))
                h.authorization = trim(line.substr(name.size()));
        return h;
    }

    // Empty where the connection may pass; else the challenge of the 407.
    std::string challenge(const head& asked, std::unique_ptr<exchange_sim::sign_in_handshake>& handshake)
    {
        using exchange_sim::sign_in_handshake;
        if (!ntlm) {
            if (asked.authorization == expected)
                return {};
            refusals += asked.authorization.empty() ? 0 : 1;
            return "Basic realm=\"proxy\"";
        }
        constexpr std::string_view scheme = "NTLM ";
        if (!asked.authorization.starts_with(scheme))
            return "NTLM";
        if (!handshake)
            handshake = std::make_unique<sign_in_handshake>(*ntlm);
        std::string reply;
        const auto token = from_base64(asked.authorization.substr(scheme.size())).value_or("");
        switch (handshake->step(token, reply)) {
        case sign_in_handshake::outcome::accepted:
            return {};
        case sign_in_handshake::outcome::go_on:
            return std::string(scheme) + to_base64(reply);
        case sign_in_handshake::outcome::refused:
            break;
        }
        ++refusals;
        handshake.reset();
        return "NTLM";
    }

    // The first CONNECT that may pass; nothing where there is none.
    task<std::optional<head>> admit(tcp::socket& client)
    {
        std::string text;
        std::unique_ptr<exchange_sim::sign_in_handshake> handshake;
        for (;;) {
            const auto [read_ec, size] = co_await asio::async_read_until(
                client, asio::dynamic_buffer(text, 8192), "\r\n\r\n", use_tuple);
            if (read_ec)
                co_return std::nullopt;
            auto asked = parse(text.substr(0, size));
            text.erase(0, size);
            if (!asked) {
                co_await answer(client, "400 Bad Request");
                co_return std::nullopt;
            }
            const auto wanted = challenge(*asked, handshake);
            if (wanted.empty())
                co_return asked;
            const auto ec =
                co_await answer(client, "407 Proxy Authentication Required\r\nProxy-Authenticate: " + wanted);
            if (ec || manners.closes_after_407)
                co_return std::nullopt;
        }
    }

    task<void> tunnel(tcp::socket client)
    {
        const auto asked = co_await admit(client);
        if (!asked)
            co_return;
        if (!refusal.empty()) {
            co_await answer(client, refusal);
            co_return;
        }
        tcp::resolver resolver(loop);
        const auto [resolve_ec, places] =
            co_await resolver.async_resolve(asked->host, asked->port, use_tuple);
        tcp::socket server(loop);
        error_code connect_ec = resolve_ec;
        if (!connect_ec) {
            const auto [ec, endpoint] = co_await asio::async_connect(server, places, use_tuple);
            connect_ec = ec;
        }
        if (connect_ec) {
            co_await answer(client, "502 Bad Gateway");
            co_return;
        }
        ++tunnels;
        const auto established = co_await answer(client, "200 Connection established");
        if (established)
            co_return;
        co_await (copy(client, server) || copy(server, client));
    }

    task<error_code> answer(tcp::socket& client, std::string status)
    {
        const bool opens = status.starts_with("200");
        std::string reply;
        for (int i = 0; opens && i < manners.interim_answers; ++i)
            reply += "HTTP/1.1 103 Early Hints\r\nVia: 1.1 proxy\r\n\r\n";
        reply += "HTTP/1.1 " + status + "\r\n";
        for (std::size_t i = 0; i < manners.header_bytes; i += 100)
            reply += "X-Policy-" + std::to_string(1'000'000 + i) + ": " + std::string(80, 'x') + "\r\n";
        if (!opens)
            reply += "Content-Length: " + std::to_string(manners.page_bytes) + "\r\n";
        reply += "\r\n";
        if (!opens)
            reply += std::string(manners.page_bytes, 'p');
        const auto [ec, n] = co_await asio::async_write(client, asio::buffer(reply), use_tuple);
        co_return ec;
    }

    static task<void> copy(tcp::socket& from, tcp::socket& to)
    {
        std::array<char, 16384> buffer{};
        for (;;) {
            const auto [read_ec, n] = co_await from.async_read_some(asio::buffer(buffer), use_tuple);
            if (read_ec)
                co_return;
            const auto [write_ec, m] = co_await asio::async_write(to, asio::buffer(buffer, n), use_tuple);
            if (write_ec)
                co_return;
        }
    }

    proxy_manners manners;
    asio::io_context loop{1};
    std::string expected;                                // Proxy-Authorization; empty: none
    std::string refusal;                                 // for everybody; empty: none
    std::unique_ptr<exchange_sim::ntlm_user_file> users; // null: no NTLM, as the next
    std::unique_ptr<exchange_sim::sign_in_server> ntlm;
    tcp::acceptor acceptor;
    task_group connections;
    std::atomic<int> tunnels = 0, refusals = 0;
    std::thread thread; // last: it uses all of the above
};

connect_proxy::connect_proxy(const std::string& credentials, std::string refusal, proxy_manners manners)
    : impl_(std::make_unique<impl>(credentials, std::move(refusal), manners))
{
}

connect_proxy::connect_proxy(const ntlm_account& account, proxy_manners manners)
    : impl_(std::make_unique<impl>(std::string(), std::string(), manners, &account))
{
}

connect_proxy::~connect_proxy() = default;

std::uint16_t connect_proxy::port() const
{
    return impl_->acceptor.local_endpoint().port();
}

int connect_proxy::tunnels() const
{
    return impl_->tunnels;
}

int connect_proxy::refusals() const
{
    return impl_->refusals;
}

struct tls_front::impl {
    using stream = asio::ssl::stream<tcp::socket>;

    impl(std::uint16_t to, const std::filesystem::path& certificate, const std::filesystem::path& key)
        : behind(asio::ip::address_v4::loopback(), to),
          acceptor(loop, {asio::ip::address_v4::loopback(), 0}),
          connections(loop.get_executor())
    {
        context.use_certificate_chain_file(certificate.string());
        context.use_private_key_file(key.string(), asio::ssl::context::pem);
        thread = std::thread([this] {
            connections.spawn(accept());
            asio::co_spawn(loop, connections.join(), [](std::exception_ptr) {});
            loop.run();
        });
    }
    ~impl()
    {
        asio::post(loop, [this] { connections.stop(); });
        thread.join();
    }

    task<void> accept()
    {
        for (;;) {
            auto [ec, client] = co_await acceptor.async_accept(use_tuple);
            if (ec)
                co_return;
            connections.spawn(serve(std::move(client)));
        }
    }

    task<void> serve(tcp::socket client)
    {
        stream outside(std::move(client), context);
        const auto [refused] = co_await outside.async_handshake(stream::server, use_tuple);
        if (refused)
            co_return;
        tcp::socket inside(loop);
        const auto [away] = co_await inside.async_connect(behind, use_tuple);
        if (away)
            co_return;
        co_await (copy(outside, inside) || copy(inside, outside));
    }

    template <class From, class To>
    static task<void> copy(From& from, To& to)
    {
        std::array<char, 16384> buffer{};
        for (;;) {
            const auto [read_ec, n] = co_await from.async_read_some(asio::buffer(buffer), use_tuple);
            if (read_ec)
                co_return;
            const auto [write_ec, m] = co_await asio::async_write(to, asio::buffer(buffer, n), use_tuple);
            if (write_ec)
                co_return;
        }
    }

    asio::io_context loop{1};
    asio::ssl::context context{asio::ssl::context::tls_server};
    tcp::endpoint behind;
    tcp::acceptor acceptor;
    task_group connections;
    std::thread thread; // last: it uses all of the above
};

tls_front::tls_front(std::uint16_t behind, const std::filesystem::path& certificate,
                     const std::filesystem::path& key)
    : impl_(std::make_unique<impl>(behind, certificate, key))
{
}

tls_front::~tls_front() = default;

std::uint16_t tls_front::port() const
{
    return impl_->acceptor.local_endpoint().port();
}

} // namespace relay::test
