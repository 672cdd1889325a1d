#include "tests/stand_ins/cloud/wss_server.hpp"

#include "tests/stand_ins/cloud/wss_link.hpp"
#include "tests/stand_ins/control/loopback.hpp"

namespace relay::cloud_sim {

using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr std::size_t most_links = 1024;

asio::ssl::context make_tls(const tls_files& files, const cloud& c)
{
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                    asio::ssl::context::no_tlsv1_1);
    tls.use_certificate_chain_file(files.certificate);
    tls.use_private_key_file(files.key, asio::ssl::context::pem);
    tls.load_verify_file(files.client_ca);
    // Whoever enrols has no certificate yet, and one that ran out may still be renewed: both are refused where they ask for
    // a link (wss_link). A certificate of another CA is refused here.
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback([&c](bool preverified, asio::ssl::verify_context& at) {
        X509_STORE_CTX* store = at.native_handle();
        if (preverified && c.conduct().revoked) {
            X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
            return false;
        }
        if (preverified || X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_HAS_EXPIRED ||
            X509_STORE_CTX_get_error_depth(store) != 0)
            return preverified;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return true;
    });
    return tls;
}

// Tells the cloud that the link is gone, a cancel at shutdown included.
struct closing_note {
    cloud& where;
    session& s;
    wss_link& link;
    ~closing_note() { where.closed(s, link.close_code()); }
};

} // namespace

wss_server::wss_server(asio::io_context& context, cloud& c, recorder& disk, const tls_files& files,
                       bool deflate)
    : cloud_(c),
      disk_(disk),
      tls_(make_tls(files, c)),
      deflate_(deflate),
      desk_(c.time(), files.client_ca, files.client_ca_key,
            [&c](std::string_view rule, std::string_view message) { c.violation(nullptr, rule, message); }),
      acceptor_(context),
      links_(context.get_executor())
{
}

result<void> wss_server::listen(std::string_view address)
{
    const auto endpoint = stand_in::parse_loopback(address);
    if (!endpoint)
        return endpoint.error();
    const auto done = stand_in::listen_on(acceptor_, *endpoint);
    if (done)
        desk_.own_url(url());
    return done;
}

std::string wss_server::url() const
{
    return "wss://localhost:" + std::to_string(acceptor_.local_endpoint().port()) + "/v1/connect";
}

task<void> wss_server::run()
{
    co_await asio::this_coro::throw_if_cancelled(false);
    while (acceptor_.is_open()) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor)
            break;
        if (ec || links_.size() >= most_links)
            continue;
        ++accepted_;
        socket.set_option(tcp::no_delay(true), ec);
        links_.spawn(serve(std::move(socket)));
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    stop();
    cloud_.close(1001);
    for (int i = 0; i < 100 && links_.size() > 0; ++i)
        co_await cloud_.time().sleep_for(20ms);
    links_.stop();
    co_await links_.join();
}

void wss_server::stop()
{
    error_code ignored;
    acceptor_.close(ignored);
}

json::object wss_server::counters() const
{
    return {{"accepted", accepted_},
            {"refused", refused_},
            {"links", links_.size()},
            {"last_refusal", last_refusal_}};
}

task<void> wss_server::serve(tcp::socket socket)
{
    bool at_desk = false;
    const wss_link::options options{deflate_,
                                    !cloud_.conduct().no_subprotocol,
                                    [&](const desk_request& r) {
                                        at_desk = true;
                                        return desk_.answer(r);
                                    },
                                    &cloud_.time(),
                                    cloud_.conduct().refuse_upgrade,
                                    cloud_.conduct().clock_skew};
    auto accepted =
        co_await with_timeout(cloud_.time(), 10s, wss_link::accept(std::move(socket), tls_, options));
    if (!accepted && at_desk)
        co_return;
    if (!accepted) {
        ++refused_;
        last_refusal_ = accepted.error().message();
        co_return;
    }
    auto& link = **accepted;
    auto& s = cloud_.opened(link, link.certificate_name(), link.deflate());
    const closing_note note{cloud_, s, link};
    link.on_ping([this, &s] { cloud_.pinged(s); });
    co_await ((converse(s, link) && link.write()) || let_go_when_silent(s, link));
}

// Beast's own idle timeout takes a link on which only pings arrive for a dead one.
task<void> wss_server::let_go_when_silent(const session& s, wss_link& link)
{
    const auto heard_of = [&s] { return s.frames_in + s.pings; };
    for (auto heard = heard_of();;) {
        co_await cloud_.time().sleep_for(3 * cloud_.limits().heartbeat + 1s);
        if (heard_of() == heard)
            link.cut(); // which ends the others
        heard = heard_of();
    }
}

task<void> wss_server::converse(session& s, wss_link& link)
{
    // An agent that says nothing is let go; one that only looks (doctor) closes by itself.
    constexpr auto longest_silence = 30s;
    const auto first = co_await with_timeout(cloud_.time(), longest_silence, link.read());
    if (first.has_value()) {
        const auto next = cloud_.hello(s, first->text, first->format);
        if (next == greeting::welcome) {
            const auto ec = co_await disk_.flush();
            if (!ec)
                cloud_.welcome(s);
        }
        for (;;) {
            const auto frame = co_await link.read();
            if (!frame) {
                if (frame.error() == errc::frame_too_large || frame.error() == errc::protocol_violation)
                    cloud_.violation(&s, "websocket", frame.error().message());
                break;
            }
            if (next != greeting::rejected)
                cloud_.received(s, frame->text, frame->format);
        }
    }
    link.finish();
}

} // namespace relay::cloud_sim
