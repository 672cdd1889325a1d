#include "agent/enrolment/outcome.hpp"

#include "common/tls/tls_error.hpp"

#include <boost/throw_exception.hpp>

#include <stdexcept>

namespace relay::enrolment {
namespace {

using uplink::step;

std::string_view advice(const uplink::failed& f)
{
    switch (f.at) {
    case step::name:
        return "; check the host in the URL, and this machine's DNS";
    case step::tcp:
        return "; check that this machine may connect there (the firewall needs host and port), or set "
               "cloud.proxy";
    case step::proxy:
        return "; check cloud.proxy";
    case step::tls:
    case step::serving:
    case step::upgrade:
        if (f.code == errc::certificate_name_mismatch)
            return "; check the host in the URL";
        if (f.code == tls::tls_error::unknown_issuer)
            return "; where a firewall opens TLS to look inside, have it leave this host out, else set "
                   "cloud.ca_file to "
                   "the CA that signed it";
        return "";
    case step::settings:
    case step::welcome:
        return "";
    }
    return "";
}

} // namespace

void throw_exception_from_error(const failed& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked enrolment failure: " + f.message), where);
}

failed explain(const uplink::failed& f)
{
    auto what = fault::unreached;
    if (f.at == step::settings)
        what = fault::local;
    else if (f.code == errc::protocol_violation)
        what = fault::nonsense;
    return {what, f.message + std::string(advice(f))};
}

std::string without(std::string text, std::string_view secret)
{
    if (secret.empty())
        return text;
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
    return text;
}

} // namespace relay::enrolment
