#include "agent/uplink/proxy_tunnel.hpp"

#include "agent/http/challenge.hpp"
#include "agent/http/errands.hpp"
#include "agent/signin/negotiator.hpp"
#include "agent/uplink/wording.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace relay::uplink {
namespace {

namespace beast = boost::beast;
using asio::ip::tcp;
using parser = beast::http::response_parser<beast::http::string_body>;
using beast::http::field;
using beast::http::status;

constexpr int most_steps = 6; // of one sign-in; NTLM takes two, SPNEGO around NTLM three
constexpr duration token_limit = 10s;

// What the proxy said to one CONNECT.
struct reply {
    unsigned status = 0;
    std::string reason;
    http::response offers;  // its Proxy-Authenticate, under the name that agent/http reads
    bool goes_on = false;   // the connection can carry another CONNECT
    bool more_came = false; // bytes after the answer
};

std::string_view text_of(beast::string_view text)
{
    return {text.data(), text.size()};
}

http::response offers_of(const parser::value_type& answer)
{
    http::response r;
    const auto [first, last] = answer.equal_range(field::proxy_authenticate);
    for (auto at = first; at != last && r.headers.size() < 20; ++at)
        r.headers.emplace_back("www-authenticate", std::string(text_of(at->value())));
    return r;
}

bool keeps_open(const parser& p)
{
    const auto said = text_of(p.get()[field::proxy_connection]); // in no standard, and widely sent
    if (ascii_iequals(said, "close"))
        return false;
    return p.keep_alive() || ascii_iequals(said, "keep-alive");
}

// A conversation with one proxy, over as many connections as it takes.
class knock {
public:
    knock(tcp::socket s, const proxy_address& proxy, std::string target, const redial& again,
          http::errands& errands)
        : socket_(std::move(s)),
          proxy_(proxy),
          target_(std::move(target)),
          again_(again),
          errands_(errands),
          who_("the proxy " + proxy.authority())
    {
    }

    task<outcome<tcp::socket>> open();

private:
    // Nothing: it cannot be done here, so another scheme may be tried.
    using verdict = std::optional<outcome<void>>;

    task<outcome<reply>> ask(const secret& authorization);
    task<outcome<void>> renew();
    task<outcome<void>> sign_in(const reply& first);
    task<verdict> by_tokens(signin::mechanism mechanism, std::string_view scheme);
    task<outcome<void>> by_basic();
    outcome<void> judge(const reply& r) const;
    failed refused(const reply& r) const;
    failed read_failure(error_code ec) const;

    tcp::socket socket_;
    const proxy_address& proxy_;
    std::string target_;
    const redial& again_;
    http::errands& errands_;
    std::string who_;
    bool usable_ = true;        // socket_ can carry the next CONNECT
    std::string local_trouble_; // why a scheme could not even be begun
};

failed knock::read_failure(error_code ec) const
{
    if (ec == beast::http::error::end_of_stream || ec == asio::error::eof)
        return {step::proxy, errc::proxy_refused, who_ + " closed the connection without an answer"};
    const bool garbage =
        ec.category() == beast::http::make_error_code(beast::http::error::bad_version).category();
    if (garbage)
        return {step::proxy, errc::protocol_violation,
                who_ + " does not answer in HTTP (" + ec.message() + ")"};
    return {step::proxy, ec, who_ + " did not answer: " + ec.message()};
}

task<outcome<reply>> knock::ask(const secret& authorization)
{
    beast::http::request<beast::http::empty_body> request{beast::http::verb::connect, target_, 11};
    request.set(field::host, target_);
    if (!authorization.empty())
        request.set(field::proxy_authorization,
                    beast::string_view(authorization.reveal().data(), authorization.reveal().size()));
    usable_ = false;
    const auto [not_sent, sent] = co_await beast::http::async_write(socket_, request, use_tuple);
    if (not_sent.failed())
        co_return failed{step::proxy, not_sent, who_ + " closed the connection: " + not_sent.message()};

    beast::flat_buffer buffer(most_proxy_header_bytes + most_proxy_body_bytes);
    parser p;
    p.header_limit(most_proxy_header_bytes);
    p.body_limit(most_proxy_body_bytes);
    const auto [not_read, read] = co_await beast::http::async_read_header(socket_, buffer, p, use_tuple);
    if (not_read.failed())
        co_return read_failure(not_read);
    const auto& answer = p.get();
    reply r{answer.result_int(), printable(text_of(answer.reason())), offers_of(answer), false, false};
    // The body of any other answer is of no use, and a 2xx to CONNECT has none.
    const bool wants_sign_in = answer.result() == status::proxy_authentication_required;
    if (wants_sign_in && keeps_open(p) && !p.need_eof()) {
        const auto [cut_off, rest] = co_await beast::http::async_read(socket_, buffer, p, use_tuple);
        r.goes_on = !cut_off.failed();
    }
    r.more_came = buffer.size() != 0;
    usable_ = r.goes_on = r.goes_on && !r.more_came;
    co_return r;
}

task<outcome<void>> knock::renew()
{
    auto fresh = co_await again_();
    if (fresh.has_error())
        co_return fresh.error();
    socket_ = *std::move(fresh);
    usable_ = true;
    co_return outcome<void>();
}

outcome<void> knock::judge(const reply& r) const
{
    if (r.status < 200 || r.status > 299)
        return failed{step::proxy, errc::proxy_refused,
                      who_ + " does not connect to " + target_ + ": it answers " + std::to_string(r.status) +
                          " " + r.reason};
    // The cloud does not speak before our ClientHello, so these bytes are the proxy's own.
    if (r.more_came)
        return failed{step::proxy, errc::protocol_violation, who_ + " sent data that belongs to no answer"};
    return {};
}

failed knock::refused(const reply& r) const
{
    return {step::proxy, asio::error::no_permission,
            who_ + " refuses the user name or password (it offers: " + http::offered_schemes(r.offers) + ")"};
}

task<outcome<void>> knock::by_basic()
{
    if (!usable_)
        if (auto fresh = co_await renew(); fresh.has_error())
            co_return fresh.error();
    const auto header = basic_authorization(proxy_.username, proxy_.password);
    const auto r = co_await ask(header);
    if (r.has_error())
        co_return r.error();
    if (r->status == 407)
        co_return refused(*r);
    co_return judge(*r);
}

// The tokens of one sign-in, all on one connection: that is what NTLM and Negotiate sign in.
task<knock::verdict> knock::by_tokens(signin::mechanism mechanism, std::string_view scheme)
{
    using made = boost::system::result<signin::token, signin::sign_in_trouble>;
    const std::shared_ptr<signin::negotiator> negotiator =
        signin::make_negotiator({mechanism, proxy_.host, proxy_.username, proxy_.password});
    std::string from_proxy;
    for (int steps = 0; steps < most_steps; ++steps) {
        auto work = [negotiator, from = std::move(from_proxy)]() -> made {
            return negotiator->step(from, {});
        };
        auto token = co_await errands_.run(std::move(work), std::chrono::steady_clock::now() + token_limit);
        if (token.has_error())
            co_return verdict(
                failed{step::proxy, token.error(), "signing in to " + who_ + ": " + token.error().message()});
        if (token->has_error() && steps == 0 && !token->error().refused) {
            local_trouble_ = token->error().sentence;
            co_return std::nullopt;
        }
        if (token->has_error())
            co_return verdict(failed{step::proxy,
                                     token->error().refused ? error_code(asio::error::no_permission)
                                                            : make_error_code(errc::proxy_auth_required),
                                     who_ + ": " + token->error().sentence});
        if (steps == 0 && !usable_)
            if (auto fresh = co_await renew(); fresh.has_error())
                co_return verdict(fresh.error());
        std::string coded = to_base64((*token)->bytes);
        std::string line = std::string(scheme) + " " + coded;
        wipe(coded);
        const auto header = secret::take(line);
        const auto r = co_await ask(header);
        if (r.has_error())
            co_return verdict(r.error());
        if (r->status != 407)
            co_return verdict(judge(*r));
        auto next = http::challenge_token(r->offers, scheme);
        if (!next || next->empty() || (*token)->done)
            co_return verdict(refused(*r));
        if (!r->goes_on)
            co_return verdict(failed{step::proxy, errc::protocol_violation,
                                     who_ + " closed the connection in the middle of the sign-in"});
        from_proxy = std::move(*next);
    }
    co_return verdict(failed{step::proxy, errc::protocol_violation,
                             who_ + " did not come to an end with " + std::string(scheme)});
}

task<outcome<void>> knock::sign_in(const reply& first)
{
    const auto& offers = first.offers;
    const auto offered = " (it offers: " + http::offered_schemes(offers) + ")";
    const bool named = !proxy_.username.empty();
    if (http::challenge_token(offers, "Negotiate")) {
        auto done = co_await by_tokens(signin::mechanism::negotiate, "Negotiate");
        if (done)
            co_return *std::move(done);
    }
    if (!named)
        co_return failed{step::proxy, errc::proxy_auth_required,
                         who_ + " wants a user name and a password" + offered};
    if (http::challenge_token(offers, "NTLM")) {
        auto done = co_await by_tokens(signin::mechanism::ntlm, "NTLM");
        if (done)
            co_return *std::move(done);
    }
    // With the realm behind it, which is no token.
    const bool basic = ascii_lower(http::offered_schemes(offers)).find("basic") != std::string::npos;
    if (basic)
        co_return co_await by_basic();
    co_return failed{step::proxy, errc::proxy_auth_required,
                     who_ +
                         (local_trouble_.empty() ? " offers no sign-in that this agent knows"
                                                 : " cannot be signed in to: " + local_trouble_) +
                         offered};
}

task<outcome<tcp::socket>> knock::open()
{
    const secret nothing;
    const auto first = co_await ask(nothing);
    if (first.has_error())
        co_return first.error();
    outcome<void> done = judge(*first);
    if (first->status == 407)
        done = co_await sign_in(*first);
    if (done.has_error())
        co_return done.error();
    co_return std::move(socket_);
}

} // namespace

task<outcome<tcp::socket>> open_tunnel(tcp::socket socket, const proxy_address& proxy, std::string target,
                                       const redial& again, http::errands& errands)
{
    knock at_the_door(std::move(socket), proxy, std::move(target), again, errands);
    co_return co_await at_the_door.open();
}

} // namespace relay::uplink
