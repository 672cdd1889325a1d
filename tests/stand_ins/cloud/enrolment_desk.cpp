#include "tests/stand_ins/cloud/enrolment_desk.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace relay::cloud_sim {
namespace {

struct release {
    void operator()(X509* p) const { X509_free(p); }
    void operator()(X509_REQ* p) const { X509_REQ_free(p); }
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
    void operator()(BIO* p) const { BIO_free_all(p); }
};
template <class T>
using owned = std::unique_ptr<T, release>;

std::string contents(const std::string& file)
{
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot read " + file);
    return {std::istreambuf_iterator<char>(in), {}};
}

owned<BIO> view(const std::string& text)
{
    return owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string random_hex(std::size_t bytes)
{
    std::string raw(bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) != 1)
        throw std::runtime_error("no random numbers");
    return to_hex(raw);
}

desk_reply refused(int status, std::string_view code, std::string_view message)
{
    return {status, json::serialize(json::object{{"code", code}, {"message", message}})};
}

// The text at `name`, nothing where it is missing or no text.
std::optional<std::string> text_of(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::optional(std::string(*text)) : std::nullopt;
}

bool introduces_itself(const json::object& o)
{
    const auto* agent = o.if_contains("agent");
    if (!agent || !agent->is_object())
        return false;
    for (const char* field : {"name", "version", "os", "host"})
        if (!text_of(agent->get_object(), field))
            return false;
    return true;
}

void extend(X509* certificate, X509* issuer, int nid, const char* value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
        throw std::runtime_error("cannot make a certificate");
}

} // namespace

struct enrolment_desk::authority {
    std::string pem;
    owned<X509> certificate;
    owned<EVP_PKEY> key;

    // For `subject`, in PEM.
    std::string sign(EVP_PKEY* subject, const std::string& name, utc_time from, utc_time to) const
    {
        const auto put = [](ASN1_TIME* place, utc_time t) {
            return ASN1_TIME_set(place, std::chrono::system_clock::to_time_t(t)) != nullptr;
        };
        const owned<X509> c(X509_new());
        std::uint64_t serial = 0;
        if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1 ||
            X509_set_version(c.get(), X509_VERSION_3) != 1 ||
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(c.get()), serial >> 1) != 1 ||
            !put(X509_getm_notBefore(c.get()), from) || !put(X509_getm_notAfter(c.get()), to) ||
            X509_set_pubkey(c.get(), subject) != 1 ||
            X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                       0) != 1 ||
            X509_set_issuer_name(c.get(), X509_get_subject_name(certificate.get())) != 1)
            throw std::runtime_error("cannot make a certificate");
        extend(c.get(), certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
        extend(c.get(), certificate.get(), NID_key_usage, "critical,digitalSignature");
        extend(c.get(), certificate.get(), NID_ext_key_usage, "clientAuth");
        const owned<BIO> out(BIO_new(BIO_s_mem()));
        if (X509_sign(c.get(), key.get(), EVP_sha256()) == 0 || PEM_write_bio_X509(out.get(), c.get()) != 1)
            throw std::runtime_error("cannot sign a certificate");
        char* text = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
};

enrolment_desk::enrolment_desk(time_source& time, const std::string& ca_certificate,
                               const std::string& ca_key, reporter violation)
    : time_(time),
      violation_(std::move(violation))
{
    if (ca_key.empty())
        return;
    authority_ = std::make_unique<authority>();
    authority_->pem = contents(ca_certificate);
    authority_->certificate.reset(PEM_read_bio_X509(view(authority_->pem).get(), nullptr, nullptr, nullptr));
    const auto key = contents(ca_key);
    authority_->key.reset(PEM_read_bio_PrivateKey(view(key).get(), nullptr, nullptr, nullptr));
    if (!authority_->certificate || !authority_->key)
        throw std::runtime_error(ca_certificate + " and " + ca_key + " are no CA to sign with");
}

enrolment_desk::~enrolment_desk() = default;

std::string enrolment_desk::add_token(std::string text, std::string agent_id, std::int64_t valid_s)
{
    if (text.empty())
        text = random_hex(16);
    if (agent_id.empty())
        agent_id = random_hex(16);
    tokens_[text] = {std::move(agent_id), time_.utc_now() + std::chrono::seconds(valid_s)};
    return text;
}

json::array enrolment_desk::tokens() const
{
    json::array list;
    for (const auto& [text, t] : tokens_)
        list.push_back({{"token", text},
                        {"agent_id", t.agent_id},
                        {"until", format_rfc3339(t.until)},
                        {"used", t.used}});
    return list;
}

desk_reply enrolment_desk::answer(const desk_request& r)
{
    std::string distortion;
    if (auto bad = trouble(r.path, distortion))
        return *bad;
    if (!authority_)
        return refused(503, "no_authority", "this cloud-sim has no CA key to sign with");
    error_code ec;
    const auto body = json::parse(r.body, ec);
    if (ec.failed() || !body.is_object())
        return invalid("enrolment_body", "the body is no JSON object");
    return r.path == "/v1/enroll" ? enroll(body.get_object(), distortion)
                                  : renew(body.get_object(), r, distortion);
}

std::optional<desk_reply> enrolment_desk::trouble(const std::string& path, std::string& distortion)
{
    auto& t = settings_.trouble;
    if (!t || (t->on != "*" && "/v1/" + t->on != path))
        return std::nullopt;
    const auto now = *t;
    if (t->count > 0 && --t->count == 0)
        t.reset();
    if (now.action == "hang")
        return desk_reply{0, {}, desk_reply::manner::hang};
    if (now.action == "reset")
        return desk_reply{0, {}, desk_reply::manner::reset};
    if (now.action == "garbage")
        return desk_reply{200, "<html><body>Please sign in</body></html>"};
    if (now.action == "huge")
        return desk_reply{200, std::string(8u << 20, ' ')};
    if (now.action == "status")
        return refused(static_cast<int>(now.status), now.code, now.message);
    distortion = now.action;
    return std::nullopt;
}

desk_reply enrolment_desk::invalid(std::string_view rule, std::string_view message)
{
    violation_(rule, message);
    return refused(400, "invalid_request", message);
}

desk_reply enrolment_desk::enroll(const json::object& o, const std::string& distortion)
{
    const auto text = text_of(o, "token");
    if (!text || !introduces_itself(o))
        return invalid("enrolment_body", "token and agent {name, version, os, host} are needed");
    const auto found = tokens_.find(*text);
    if (found == tokens_.end() || found->second.used || time_.utc_now() >= found->second.until)
        return refused(403, "token_invalid",
                       found == tokens_.end() ? "there is no such token"
                       : found->second.used   ? "the token was used already"
                                              : "the token has expired");
    auto reply = grant(o, found->second.agent_id, "enroll", distortion);
    found->second.used = reply.status == 200;
    return reply;
}

desk_reply enrolment_desk::renew(const json::object& o, const desk_request& r, const std::string& distortion)
{
    if (!r.client)
        return refused(401, "certificate_required", "a renewal needs the certificate that is to be renewed");
    if (r.client->expired && !settings_.renew_expired)
        return refused(403, "certificate_expired", "the certificate has expired");
    return grant(o, r.client->common_name, "renew", distortion);
}

desk_reply enrolment_desk::grant(const json::object& o, const std::string& agent_id,
                                 const std::string& occasion, const std::string& distortion)
{
    const auto csr = text_of(o, "csr").value_or("");
    const auto bio = view(csr);
    const owned<X509_REQ> request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
    owned<EVP_PKEY> key(request ? X509_REQ_get_pubkey(request.get()) : nullptr);
    if (!key || X509_REQ_verify(request.get(), key.get()) != 1)
        return invalid("csr", "csr is no certificate request, or not signed with its own key");
    if (distortion == "other_key")
        key.reset(EVP_EC_gen("P-256"));
    using std::chrono::seconds;
    const auto from =
        time_.utc_now() - seconds(distortion == "expired" ? settings_.life_s + 1 : settings_.age_s);
    const auto certificate = authority_->sign(key.get(), agent_id, from, from + seconds(settings_.life_s));
    json::object reply{{"agent_id", agent_id},
                       {"certificate", certificate},
                       {"relay_url", settings_.relay_url.empty() ? own_url_ : settings_.relay_url}};
    if (settings_.tell_ca)
        reply["ca"] = settings_.ca.empty() ? authority_->pem : settings_.ca;
    issued_.push_back(
        {{"occasion", occasion}, {"agent_id", agent_id}, {"at", format_rfc3339(time_.utc_now())}});
    return {200, json::serialize(reply)};
}

} // namespace relay::cloud_sim
