#include "agent/uplink/proxy_tunnel.hpp"

#include "agent/http/blocking_executor.hpp"
#include "agent/http/challenge.hpp"
#include "agent/signin/negotiator.hpp"
#include "agent/uplink/wording.hpp"
#include "common/secret/sign_in.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <array>

namespace relay::uplink {
namespace {

namespace beast = boost::beast;
using parser = beast::http::response_parser<beast::http::buffer_body>;
using beast::http::field;
using beast::http::status;

constexpr int most_steps = 6;   // of one sign-in; NTLM takes two, SPNEGO around NTLM three
constexpr int most_interim = 8; // answers 1xx before the one that counts (RFC 9110, section 15.2)
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

http::response offers_of(const beast::http::fields& answer)
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
    knock(hop_stream hop, const proxy_url& proxy, const proxy_rule& rule, std::string target,
          const redial& again, http::blocking_executor& blocking_executor)
        : hop_(std::move(hop)),
          proxy_(proxy),
          rule_(rule),
          target_(std::move(target)),
          again_(again),
          blocking_(blocking_executor),
          who_("the proxy " + proxy.authority())
    {
    }

    task<outcome<tunnel>> open();

private:
    // Nothing: it cannot be done here, so another scheme may be tried.
    using verdict = std::optional<outcome<void>>;

    task<outcome<reply>> ask(const secret& authorization);
    task<outcome<reply>> ask_again(const secret& authorization);
    task<result<void>> read_head(beast::flat_buffer& buffer, std::optional<parser>& p);
    task<bool> skip_body(beast::flat_buffer& buffer, parser& p);
    task<outcome<void>> renew();
    task<outcome<void>> sign_in(const reply& first);
    task<verdict> by_tokens(signin::mechanism mechanism, std::string_view scheme);
    task<outcome<void>> by_basic();
    std::string why_not(bool basic_offered) const;
    outcome<void> judge(const reply& r) const;
    failed refused(const reply& r) const;
    failed read_failure(error_code ec) const;

    hop_stream hop_;
    const proxy_url& proxy_;
    const proxy_rule& rule_;
    std::string target_;
    const redial& again_;
    http::blocking_executor& blocking_;
    std::string who_;
    bool usable_ = true;        // hop_ can carry the next CONNECT
    bool used_ = false;         // and has carried one
    bool gone_ = false;         // the proxy closed it instead of answering
    std::string local_trouble_; // why a scheme could not even be begun
    std::string signed_in_by_;
};

bool is_end(error_code ec)
{
    return ec == beast::http::error::end_of_stream || ec == asio::error::eof ||
           ec == asio::error::connection_reset || ec == asio::error::broken_pipe ||
           ec == asio::error::connection_aborted;
}

failed knock::read_failure(error_code ec) const
{
    if (ec == beast::http::error::header_limit || ec == beast::http::error::buffer_overflow)
        return {step::proxy, errc::protocol_violation, who_ + " sends more headers than an answer can hold"};
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
    used_ = true;
    const auto [not_sent, sent] = co_await beast::http::async_write(hop_, request, use_tuple);
    gone_ = is_end(not_sent);
    if (not_sent.failed())
        co_return failed{step::proxy, not_sent, who_ + " closed the connection: " + not_sent.message()};

    beast::flat_buffer buffer(2 * most_proxy_header_bytes);
    std::optional<parser> p;
    const auto head = co_await read_head(buffer, p);
    if (head.has_error()) {
        gone_ = is_end(head.error());
        co_return read_failure(head.error());
    }
    const auto& answer = p->get();
    reply r{answer.result_int(), printable(text_of(answer.reason())), offers_of(answer), false, false};
    // The body of any other answer is of no use, and a 2xx to CONNECT has none.
    const bool wants_sign_in = answer.result() == status::proxy_authentication_required;
    if (wants_sign_in && keeps_open(*p) && !p->need_eof())
        r.goes_on = co_await skip_body(buffer, *p);
    r.more_came = buffer.size() != 0;
    usable_ = r.goes_on = r.goes_on && !r.more_came;
    co_return r;
}

// The headers of the answer that counts; those of interim ones go by.
task<result<void>> knock::read_head(beast::flat_buffer& buffer, std::optional<parser>& p)
{
    for (int interim = 0; interim <= most_interim; ++interim) {
        p.emplace();
        p->header_limit(most_proxy_header_bytes);
        p->body_limit(boost::none); // what is too long is not read
        const auto [ec, read] = co_await beast::http::async_read_header(hop_, buffer, *p, use_tuple);
        if (ec.failed())
            co_return ec;
        if (p->get().result_int() / 100 != 1)
            co_return result<void>();
    }
    co_return errc::protocol_violation;
}

// False where the connection is good for nothing after it: cut off, or too long to be worth the wait.
task<bool> knock::skip_body(beast::flat_buffer& buffer, parser& p)
{
    std::array<char, 16 * 1024> scrap{};
    for (std::size_t skipped = 0; !p.is_done();) {
        auto& body = p.get().body();
        body.data = scrap.data();
        body.size = scrap.size();
        const auto [ec, read] = co_await beast::http::async_read(hop_, buffer, p, use_tuple);
        if (ec.failed() && ec != beast::http::error::need_buffer)
            co_return false;
        skipped += scrap.size() - body.size;
        if (skipped > most_proxy_body_bytes)
            co_return false;
    }
    co_return true;
}

// The first words of a sign-in. A proxy that closed the connection after its 407 without saying so is noticed only by them:
// they are said once more on a new one, as whoever begins anew would come without them for ever.
task<outcome<reply>> knock::ask_again(const secret& authorization)
{
    if (!usable_)
        if (auto fresh = co_await renew(); fresh.has_error())
            co_return fresh.error();
    const bool used_before = used_;
    auto answer = co_await ask(authorization);
    if (answer.has_value() || !used_before || !gone_)
        co_return answer;
    if (auto fresh = co_await renew(); fresh.has_error())
        co_return fresh.error();
    co_return co_await ask(authorization);
}

task<outcome<void>> knock::renew()
{
    auto fresh = co_await again_();
    if (fresh.has_error())
        co_return fresh.error();
    hop_ = *std::move(fresh);
    usable_ = true;
    used_ = false;
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
    const auto header = basic_authorization(proxy_.username, proxy_.password);
    const auto r = co_await ask_again(header);
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
        auto token = co_await blocking_.run(std::move(work), std::chrono::steady_clock::now() + token_limit);
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
        std::string coded = to_base64((*token)->bytes);
        std::string line = std::string(scheme) + " " + coded;
        wipe(coded);
        const auto header = secret::take(line);
        auto asking = steps == 0 ? ask_again(header) : ask(header);
        const auto r = co_await std::move(asking);
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
    const auto schemes = http::offered_schemes(offers);
    const auto offered = " (it offers: " + schemes + ")";
    const bool named = !proxy_.username.empty();
    const auto may = [&](std::string_view scheme) { return may_sign_in_by(scheme, rule_, proxy_); };
    if (http::challenge_token(offers, "Negotiate") && may("negotiate")) {
        signed_in_by_ = "Negotiate";
        auto done = co_await by_tokens(signin::mechanism::negotiate, "Negotiate");
        if (done)
            co_return *std::move(done);
    }
    if (!named)
        co_return failed{step::proxy, errc::proxy_auth_required,
                         who_ + " wants a user name and a password" + offered};
    if (http::challenge_token(offers, "NTLM") && may("ntlm")) {
        signed_in_by_ = "NTLM";
        auto done = co_await by_tokens(signin::mechanism::ntlm, "NTLM");
        if (done)
            co_return *std::move(done);
    }
    // With the realm behind it, which is no token.
    const bool basic = ascii_lower(schemes).find("basic") != std::string::npos;
    if (basic && may("basic")) {
        signed_in_by_ = "Basic";
        co_return co_await by_basic();
    }
    co_return failed{step::proxy, errc::proxy_auth_required, who_ + why_not(basic) + offered};
}

// Why none of what is offered was used, behind the proxy's name.
std::string knock::why_not(bool basic_offered) const
{
    if (!local_trouble_.empty())
        return " cannot be signed in to: " + local_trouble_;
    if (basic_offered && !proxy_.password.empty() && rule_.auth.empty())
        return " is not shown the password by Basic over http://, where whoever listens can read it: use an "
               "https:// proxy, or allow it with cloud.proxy_auth = [\"basic\"]";
    return rule_.auth.empty() ? " offers no sign-in that this agent knows"
                              : " offers no sign-in that cloud.proxy_auth allows";
}

task<outcome<tunnel>> knock::open()
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
    co_return tunnel{std::move(hop_), std::move(signed_in_by_)};
}

} // namespace

task<outcome<tunnel>> open_tunnel(hop_stream hop, const proxy_url& proxy, const proxy_rule& rule,
                                  std::string target, const redial& again,
                                  http::blocking_executor& blocking_executor)
{
    knock at_the_door(std::move(hop), proxy, rule, std::move(target), again, blocking_executor);
    co_return co_await at_the_door.open();
}

} // namespace relay::uplink
