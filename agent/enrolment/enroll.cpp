#include "agent/enrolment/enroll.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relay::enrolment {
namespace {

std::string request_body(const secret& token, const std::string& csr, const introduction& who)
{
    return boost::json::serialize(boost::json::object{
        {"token", token.reveal()},
        {"csr", csr},
        {"agent", {{"name", who.name}, {"version", who.version}, {"os", who.os}, {"host", who.host}}}});
}

} // namespace

task<outcome<enrolled>> enroll(time_source& time, uplink::dial_settings dial, secret token, introduction who,
                               const identity_files& files)
{
    const auto made = make_key_request(who.name);
    if (made.has_error())
        co_return made.error();
    auto body = request_body(token, made->request, who);
    const auto answer = co_await uplink::post_json(time, std::move(dial), std::move(body));
    if (answer.has_error()) {
        const auto why = explain(answer.error());
        co_return failed{why.what, without(why.message, token.reveal())};
    }
    const auto granted = read_answer(*answer, made->key, time.utc_now(), occasion::enrolling, token.reveal());
    if (granted.has_error())
        co_return granted.error();

    const auto& where = files.where();
    const bool with_ca = !granted->ca.empty();
    const identity mine{
        made->key,
        granted->certificate,
        with_ca ? std::optional(granted->ca) : std::nullopt,
        {granted->agent_id, granted->relay_url, with_ca ? where.ca : std::filesystem::path(), {}}};
    if (const auto done = files.stage(mine); done.has_error())
        co_return done.error();
    // What OpenSSL here will not present later is better not taken into use now.
    if (const auto usable = tls::make_client_context(files.staged_credentials({})); usable.has_error()) {
        if (const auto gone = files.discard(); gone.has_error())
            co_return gone.error();
        co_return failed{fault::nonsense,
                         "the cloud's certificate cannot be used here: " + usable.error().message};
    }
    if (const auto done = files.commit(granted->certificate); done.has_error())
        co_return done.error();
    co_return enrolled{granted->agent_id, granted->relay_url, with_ca, granted->facts};
}

std::optional<outcome<tls::certificate_facts>> present_identity(const places& where, utc_time now)
{
    using present = outcome<tls::certificate_facts>;
    std::error_code ec;
    const bool certificate = std::filesystem::exists(where.certificate, ec);
    const bool key = std::filesystem::exists(where.key, ec);
    if (!certificate && !key)
        return std::nullopt;
    if (!certificate || !key)
        return present(
            failed{fault::local, fmt::format("{} is there without {}",
                                             (certificate ? where.certificate : where.key).string(),
                                             (certificate ? where.key : where.certificate).string())});
    const auto facts = tls::read_certificate(where.certificate, where.key);
    if (facts.has_error())
        return present(failed{fault::local, facts.error().message});
    if (!facts->matches_key)
        return present(failed{fault::local, fmt::format("{} is not the key of the certificate in {}",
                                                        where.key.string(), where.certificate.string())});
    if (now >= facts->not_after)
        return present(failed{fault::local, fmt::format("the certificate {} ran out on {}", facts->subject,
                                                        format_rfc3339(facts->not_after))});
    return present(*facts);
}

} // namespace relay::enrolment
