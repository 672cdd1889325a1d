#include "agent/enrolment/answer.hpp"

#include "agent/uplink/wording.hpp"
#include "common/time/rfc3339.hpp"
#include "common/tls/x509.hpp"
#include "common/url/url.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace relay::enrolment {
namespace {

namespace json = boost::json;

constexpr std::size_t most_chain = 10;       // certificates that the agent presents
constexpr std::size_t most_authorities = 50; // that it trusts
constexpr std::size_t longest_agent_id = 200;
constexpr std::size_t deepest_json = 16;

using bio_ptr = std::unique_ptr<BIO, tls::freed_by<BIO_free_all>>;
using chain = std::vector<tls::x509_ptr>;

failed nonsense(std::string message)
{
    return {fault::nonsense, "the cloud's answer cannot be used: " + std::move(message)};
}

std::optional<json::object> object_of(std::string_view body)
{
    json::parse_options limits;
    limits.max_depth = deepest_json;
    error_code ec;
    auto value = json::parse(body, ec, {}, limits);
    if (ec.failed() || !value.is_object())
        return std::nullopt;
    return std::move(value.get_object());
}

// Empty where the field is absent, null, no text, too long, or holds what is no printable text.
std::string text_of(const json::object& o, std::string_view name, std::size_t longest)
{
    const auto* value = o.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    if (!text || text->size() > longest || !is_utf8(*text))
        return {};
    return std::string(*text);
}

bool is_plain(std::string_view text)
{
    return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

outcome<chain> certificates(const json::object& o, std::string_view field, std::size_t most)
{
    const auto text = text_of(o, field, uplink::most_answer_bytes);
    auto read = tls::parse_certificates(text, fmt::format("\"{}\"", field));
    if (read.has_error())
        return nonsense(read.error().message);
    if (read->size() > most)
        return nonsense(fmt::format("\"{}\" holds more than {} certificates", field, most));
    return *std::move(read);
}

std::string pem(const chain& certificates)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    for (const auto& one : certificates)
        if (!out || PEM_write_bio_X509(out.get(), one.get()) != 1)
            return {};
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

bool belongs_to(X509* leaf, const private_key& key)
{
    const bio_ptr text(BIO_new_mem_buf(key.pem().data(), static_cast<int>(key.pem().size())));
    const tls::pkey_ptr read(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
    const bool ours = read && X509_check_private_key(leaf, read.get()) == 1;
    ERR_clear_error();
    return ours;
}

// Each one signed by the next. What the last one is signed by is not ours to judge: it is the cloud that will.
bool linked(const chain& c)
{
    bool all = true;
    for (std::size_t i = 0; all && i + 1 < c.size(); ++i) {
        EVP_PKEY* signer = X509_get0_pubkey(c[i + 1].get());
        all = X509_NAME_cmp(X509_get_issuer_name(c[i].get()), X509_get_subject_name(c[i + 1].get())) == 0 &&
              signer && X509_verify(c[i].get(), signer) == 1;
    }
    ERR_clear_error();
    return all;
}

outcome<void> judge(const chain& c, const tls::certificate_facts& facts, const private_key& key, utc_time now)
{
    X509* leaf = c.front().get();
    if (!belongs_to(leaf, key))
        return nonsense("its certificate is not for the key of this machine");
    if (now + clock_tolerance < facts.not_before)
        return failed{
            fault::local,
            fmt::format("the certificate is not valid before {}, and this machine's clock says {}: set the "
                        "clock, then try again",
                        format_rfc3339(facts.not_before), format_rfc3339(now))};
    if (now >= facts.not_after)
        return failed{
            fault::local,
            fmt::format("the certificate ran out on {}, and this machine's clock says {}: set the clock, "
                        "then try again",
                        format_rfc3339(facts.not_after), format_rfc3339(now))};
    if (X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0) != 1)
        return nonsense("its certificate is not one for a client");
    if (!linked(c))
        return nonsense("the certificates in \"certificate\" do not follow from each other");
    return {};
}

// "token_invalid: already used", as far as the body says.
struct complaint {
    std::string code, message;

    std::string shown() const
    {
        if (code.empty())
            return {};
        return message.empty() ? " (" + code + ")" : " (" + code + ": " + message + ")";
    }
};

complaint complaint_in(std::string_view body, std::string_view secret)
{
    const auto o = object_of(body);
    if (!o)
        return {};
    constexpr std::size_t longest = 4096; // printable() cuts further
    return {uplink::printable(without(text_of(*o, "code", longest), secret)),
            uplink::printable(without(text_of(*o, "message", longest), secret))};
}

failed refusal(int status, const complaint& said, occasion why)
{
    const bool enrolling = why == occasion::enrolling;
    const auto what = enrolling ? "enrol this agent" : "renew the certificate";
    if (said.code == "token_invalid")
        return {fault::refused,
                "the cloud does not take the token: it was used already, has expired or is mistyped; "
                "have a new one made" +
                    said.shown()};
    if (status >= 500 || status == 429 || status == 408)
        return {fault::unreached,
                fmt::format("the cloud cannot {} now: it answers {}{}", what, status, said.shown())};
    // A sign-in page of a proxy, a wrong host: what speaks there is not the cloud.
    if (status < 400 || (status == 404 && said.code.empty()))
        return {fault::nonsense,
                fmt::format("what answers there does not {}s: it answers {}; check {}, and whether a proxy "
                            "or a sign-in page answers in its place",
                            enrolling ? "enrol agent" : "renew certificate", status,
                            enrolling ? "the URL" : "cloud.url")};
    return {fault::refused,
            fmt::format("the cloud refuses to {}: it answers {}{}", what, status, said.shown())};
}

} // namespace

std::string pem_in(const std::filesystem::path& file)
{
    const auto read = tls::read_certificates(file);
    return read.has_error() ? std::string() : pem(*read);
}

std::string clock_advice(const std::optional<utc_time>& server, utc_time now)
{
    if (!server || std::chrono::abs(*server - now) <= clock_tolerance)
        return {};
    return fmt::format("; this machine's clock says {}, the cloud's {}: set it, then try again",
                       format_rfc3339(now), format_rfc3339(*server));
}

outcome<granted> read_grant(std::string_view body, const private_key& key, utc_time now)
{
    const auto o = object_of(body);
    if (!o)
        return failed{
            fault::nonsense,
            "what answers there does not speak as the cloud does (its answer is no JSON object); check the "
            "URL, and whether a proxy or a sign-in page answers in its place"};
    granted g;
    g.agent_id = text_of(*o, "agent_id", longest_agent_id);
    if (g.agent_id.empty() || !is_plain(g.agent_id))
        return nonsense("\"agent_id\" is missing or no plain text");
    const auto own = certificates(*o, "certificate", most_chain);
    if (own.has_error())
        return own.error();
    g.facts = tls::facts_of(own->front().get());
    g.facts.chain = own->size();
    if (const auto good = judge(*own, g.facts, key, now); good.has_error())
        return good.error();
    g.facts.matches_key = true;
    g.certificate = pem(*own);

    if (const auto* ca = o->if_contains("ca"); ca && !ca->is_null()) {
        const auto trusted = certificates(*o, "ca", most_authorities);
        if (trusted.has_error())
            return trusted.error();
        g.ca = pem(*trusted);
    }
    if (const auto* url = o->if_contains("relay_url"); url && !url->is_null()) {
        g.relay_url = text_of(*o, "relay_url", uplink::most_answer_bytes);
        if (parse_web_url(g.relay_url, "wss").has_error() || !is_plain(g.relay_url))
            return nonsense("\"relay_url\" is no wss:// URL");
    }
    return g;
}

outcome<granted> read_answer(const uplink::post_answer& answer, const private_key& key, utc_time now,
                             occasion why, std::string_view secret)
{
    auto read = [&]() -> outcome<granted> {
        if (answer.status == 200 || answer.status == 201)
            return read_grant(answer.body, key, now);
        return refusal(answer.status, complaint_in(answer.body, secret), why);
    }();
    if (read.has_error() && read.error().what == fault::refused)
        // A token or a certificate that is "expired" may be a clock that is wrong.
        return failed{fault::refused, read.error().message + clock_advice(answer.server_time, now)};
    return read;
}

} // namespace relay::enrolment
