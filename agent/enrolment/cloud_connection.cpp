#include "agent/enrolment/cloud_connection.hpp"

#include "agent/uplink/proxy_choice.hpp"
#include "common/tls/tls_error.hpp"

#include <boost/asio/this_coro.hpp>

namespace relay::enrolment {
namespace {

constexpr std::string_view enroll_path = "/v1/enroll";

// Whether it is the certificate that the cloud does not take, or anything else.
failed judge(const uplink::failed& f)
{
    auto why = explain(f);
    if (f.code == asio::error::access_denied || tls::is_about_ours(f.code))
        why.what = fault::refused;
    return why;
}

} // namespace

std::string renewal_url(const std::string& cloud_url)
{
    const auto at = parse_web_url(cloud_url, "wss");
    return at.has_error() ? std::string() : "https://" + at->authority() + "/v1/renew";
}

outcome<std::string> enrolment_url(const std::string& url)
{
    const auto at = parse_web_url(url, "https");
    if (at.has_error())
        return failed{fault::local, at.error().message};
    auto target = at->target;
    if (target.find('?') != target.npos)
        return failed{fault::local, "it must hold no query"};
    while (target.ends_with('/'))
        target.pop_back();
    if (!target.ends_with(enroll_path))
        target += enroll_path;
    return "https://" + at->authority() + target;
}

task<outcome<uplink::post_answer>> tls_connection::post_renewal(std::string body)
{
    auto settings = settings_();
    settings.url = renewal_url(settings.url);
    auto answer = co_await uplink::post_json(time_, std::move(settings), std::move(body));
    if (answer.has_error())
        co_return judge(answer.error());
    co_return *std::move(answer);
}

task<outcome<void>> tls_connection::try_out(tls::credential_files files)
{
    auto settings = settings_();
    settings.files = std::move(files);
    uplink::tls_connector dialer(co_await asio::this_coro::executor, time_);
    if (const auto ready = dialer.load(std::move(settings)); ready.has_error())
        co_return failed{fault::local, ready.error().message};
    auto reached = co_await dialer.connect();
    if (reached.has_error())
        co_return judge(reached.error());
    co_await uplink::leave(time_, **reached);
    co_return outcome<void>();
}

} // namespace relay::enrolment
