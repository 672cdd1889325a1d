// The first level of classification: what an HTTP answer says before its envelope is looked at.
#include "agent/ews/classification.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace relay::ews {
namespace {

using protocol::fault_code;

std::string_view header(const http::response& r, std::string_view name)
{
    for (const auto& [key, value] : r.headers)
        if (key == name)
            return value;
    return {};
}

bool starts_with_word(std::string_view text, std::string_view word)
{
    return ascii_iequals(text.substr(0, word.size()), word);
}

bool is_web_page(const http::response& r)
{
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    std::string_view body = r.body;
    if (body.starts_with(byte_order_mark))
        body.remove_prefix(byte_order_mark.size());
    body = trim(body.substr(0, 256));
    return starts_with_word(r.content_type, "text/html") || starts_with_word(body, "<!doctype html") ||
           starts_with_word(body, "<html");
}

// Something that is no EWS answered. Before the first true answer that is a mistake in exchange.url; later it
// is a server or a proxy in trouble.
error not_ews(
    const call& c, const std::string& what,
    std::string_view advice = "look whether exchange.url is the address of EWS (…/EWS/Exchange.asmx)")
{
    if (c.answered_before)
        return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                           what + "; it has answered as EWS before, so it may be in maintenance");
    auto e = failed_call(c, fault_code::exchange_unsupported, retry_action::give_up,
                         fmt::format("{}; {}", what, advice));
    e.may_pass = true;
    return e;
}

constexpr std::string_view no_form = "EWS has to be published without a sign-in page before it; look whether "
                                     "exchange.url is the address of EWS (…/EWS/Exchange.asmx)";

// Where a redirect leads, without its query, in plain ASCII and not long: it comes from outside.
std::string redirect_target(const http::response& r)
{
    constexpr std::size_t longest = 200;
    auto to = header(r, "location");
    to = to.substr(0, std::min(to.find_first_of("?#"), longest));
    const auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
    return to.empty() || !std::ranges::all_of(to, is_plain) ? "another page" : std::string(to);
}

// EWS itself never redirects; ASP.NET does where EWS fails, and what publishes it does where it wants a person to sign in.
error redirected(const http::response& r, const call& c)
{
    const auto said = fmt::format("the web server answered HTTP {}, a redirect to", r.status);
    const auto to = redirect_target(r);
    const auto lower = ascii_lower(to);
    const auto leads_to = [&](std::string_view part) { return lower.find(part) != lower.npos; };
    if (leads_to("/genericerrorpage.htm"))
        return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                           said + " Exchange's error page: EWS is not available at the moment");
    if (leads_to("/owa/") || leads_to("/adfs/") || leads_to("logon") || leads_to("//login.") ||
        leads_to("/cookieauth.dll"))
        return not_ews(c, fmt::format("{} the sign-in page {}", said, to), no_form);
    return not_ews(c, fmt::format("{} {}", said, to));
}

// Seconds only; the other form of Retry-After, a date, would need the server's clock.
std::optional<milliseconds> retry_after(const http::response& r)
{
    const auto text = trim(header(r, "retry-after"));
    if (text.empty())
        return std::nullopt;
    std::int64_t seconds = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (ec != std::errc{} || end != text.data() + text.size() || seconds <= 0)
        return default_back_off;
    return std::min(longest_back_off, milliseconds{std::min<std::int64_t>(seconds, 3600) * 1000});
}

error with_no_effect(error e)
{
    e.effect = effect::none; // a 4xx is said before the request is carried out
    return e;
}

// Nobody is to come back before it says so.
error paused(error e, milliseconds pause)
{
    e.retry_action = retry_action::back_off;
    e.back_off = pause;
    e.whole_server = true;
    return e;
}

// exchange_error names what Exchange said; where that was no ResponseCode, the status stands in for it.
error refused_for_good(const http::response& r, const call& c, std::string what)
{
    auto e =
        with_no_effect(failed_call(c, fault_code::exchange_error, retry_action::give_up, std::move(what)));
    e.fault.exchange = fmt::format("HTTP {}", r.status);
    return e;
}

// The same of a status that proxies and firewalls use as they like.
error refused_it_seems(const http::response& r, const call& c, std::string what)
{
    auto e = refused_for_good(r, c, std::move(what));
    e.may_pass = true;
    return e;
}

// http.sys, under IIS, says so in the page of its 400. What grows in our headers is the ticket.
bool headers_too_long(const http::response& r)
{
    return r.status == 431 ||
           (r.status == 400 && (r.body.find("request headers is too long") != r.body.npos ||
                                r.body.find("Request Too Long") != r.body.npos));
}

error refused_by_status(const http::response& r, const call& c)
{
    const auto what = fmt::format("the web server answered HTTP {}", r.status);
    if (headers_too_long(r))
        return refused_for_good(
            r, c,
            what + ": the request's headers are too long for it; a Kerberos ticket of the service account "
                   "that has outgrown IIS does that: take the account out of groups, or raise "
                   "MaxFieldLength and MaxRequestBytes of http.sys");
    switch (r.status) {
    case 401:
        if (!r.spread_over.empty())
            return with_no_effect(failed_call(
                c, fault_code::auth_failed, retry_action::sign_in,
                fmt::format(
                    "Exchange refuses the sign-in (HTTP 401), whose steps were answered by different servers "
                    "({}): "
                    "the balancer before them has to keep a client on one of them; the password may be right",
                    r.spread_over)));
        return with_no_effect(
            failed_call(c, fault_code::auth_failed, retry_action::sign_in,
                        "Exchange refuses the service account (HTTP 401): wrong password, locked or "
                        "disabled account, or a sign-in method or channel binding that it does not take"));
    case 403:
        return refused_for_good(r, c,
                                what +
                                    ": EWS is forbidden to this account or this program; look at "
                                    "EwsApplicationAccessPolicy, at client certificates that IIS may want, "
                                    "and at proxies in between");
    case 400:
    case 404:
    case 405:
    case 410:
        return with_no_effect(not_ews(c, what));
    case 440: // of Exchange's own sign-in form
        return with_no_effect(not_ews(c, what + ", as a sign-in page does", no_form));
    case 407:
        return with_no_effect(failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                                          what + ": a proxy between the agent and Exchange wants a sign-in"));
    case 413:
        return refused_for_good(r, c,
                                what + ": the request is larger than it allows; look at maxRequestLength and "
                                       "uploadReadAheadSize in IIS");
    case 408:
    case 421: // the connection led to a server that is not responsible
    case 425:
    case 449:
        return with_no_effect(failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                                          what + ": it asks to try again"));
    case 429:
        return paused(with_no_effect(failed_call(c, fault_code::exchange_busy, retry_action::back_off,
                                                 what + ": too many requests")),
                      retry_after(r).value_or(default_back_off));
    default:
        break;
    }
    if (r.status >= 500) {
        auto e = failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                             what + ": Exchange, or a proxy before it, is not available at the moment");
        const auto pause = retry_after(r);
        return r.status == 503 && pause ? paused(std::move(e), *pause) : e;
    }
    if (r.status >= 400)
        return refused_it_seems(r, c, what);
    if (r.status >= 300)
        return redirected(r, c);
    return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                       what + ", which EWS never does");
}

std::string_view in_words(unreadable u)
{
    switch (u) {
    case unreadable::none:
        return "is in order";
    case unreadable::empty:
        return "is empty";
    case unreadable::not_xml:
        return "is cut short or no XML";
    case unreadable::not_utf8:
        return "is not in UTF-8, which EWS always answers in";
    case unreadable::doctype:
        return "holds a DOCTYPE, which SOAP forbids";
    case unreadable::too_deep:
        return "is nested deeper than any true one";
    case unreadable::too_many_nodes:
        return "has more elements than any true one";
    case unreadable::not_soap:
        return "is no SOAP envelope";
    }
    return "cannot be read";
}

error unreadable_answer(unreadable u, const call& c)
{
    return failed_call(
        c, fault_code::exchange_unavailable, retry_action::retry,
        fmt::format("Exchange's answer {}; Exchange, or a proxy before it, is in trouble", in_words(u)));
}

} // namespace

opened_answer open_answer(http::outcome got, const call& c)
{
    if (got.has_error())
        return {classify(got.error(), c), false, std::nullopt};
    auto& r = *got;
    auto version = parse_server_version(header(r, "x-owa-version"));
    // Faults come with 500, and from some proxies' health checks with 503; nothing else has an envelope worth
    // reading.
    if (r.status != 200 && r.status < 500)
        return {refused_by_status(r, c), false, version};
    if (is_web_page(r))
        return {r.status == 200 ? not_ews(c, "the web server answered with a web page")
                                : refused_by_status(r, c),
                false, version};

    auto answer = std::make_unique<soap_answer>(std::move(r.body));
    if (answer->problem() != unreadable::none)
        return {r.status == 200 ? unreadable_answer(answer->problem(), c) : refused_by_status(r, c), false,
                version};
    if (answer->version())
        version = answer->version();
    if (answer->is_fault())
        return {classify_fault(answer->operation(), c), true, version};
    if (r.status != 200)
        return {refused_by_status(r, c), true, version};
    if (!answer->operation())
        return {failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                            "Exchange answered with an empty envelope"),
                true, version};
    return {std::move(answer), true, version};
}

} // namespace relay::ews
