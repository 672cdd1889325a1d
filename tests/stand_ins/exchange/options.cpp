#include "tests/stand_ins/exchange/options.hpp"

#include "tests/stand_ins/exchange/product.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <algorithm>
#include <stdexcept>

namespace relay::exchange_sim {
namespace {

constexpr unsigned most_mailboxes = 100'000;

unsigned number(const std::string& name, const std::string& value, unsigned most)
{
    const auto n = parse_integer(value);
    if (!n || *n < 0 || *n > most)
        throw std::invalid_argument(name + ": not a number from 0 to " + std::to_string(most) + ": " + value);
    return static_cast<unsigned>(*n);
}

void read_account(const std::string& value, service_account& account)
{
    const auto slash = value.find('\\');
    account.domain = slash == value.npos ? std::string{} : value.substr(0, slash);
    account.user = slash == value.npos ? value : value.substr(slash + 1);
    if (account.user.empty())
        throw std::invalid_argument("--account: DOMAIN\\user is wanted");
}

void read_schemes(const std::string& value, options& o)
{
    o.basic = o.ntlm = o.negotiate = false;
    for (std::string_view left = value; !left.empty();) {
        const auto scheme = left.substr(0, left.find(','));
        left.remove_prefix(std::min(left.size(), scheme.size() + 1));
        if (scheme == "basic")
            o.basic = true;
        else if (scheme == "ntlm")
            o.ntlm = true;
        else if (scheme == "negotiate")
            o.negotiate = true;
        else
            throw std::invalid_argument("--auth: a list of basic, ntlm and negotiate is wanted");
    }
    if (value.empty())
        throw std::invalid_argument("--auth: nothing is no list");
}

extended_protection read_protection(const std::string& value)
{
    if (value == "off")
        return extended_protection::off;
    if (value == "allow")
        return extended_protection::allow;
    if (value == "require")
        return extended_protection::require;
    throw std::invalid_argument("--extended-protection: off, allow or require is wanted");
}

tls_versions read_tls(const std::string& value)
{
    if (value == "modern")
        return tls_versions::modern;
    if (value == "1.2")
        return tls_versions::only_1_2;
    if (value == "1.0")
        return tls_versions::only_1_0;
    throw std::invalid_argument("--tls: modern, 1.2 or 1.0 is wanted");
}

client_certificates read_client_certificates(const std::string& value)
{
    if (value == "ignored")
        return client_certificates::ignored;
    if (value == "accepted")
        return client_certificates::accepted;
    if (value == "required")
        return client_certificates::required;
    throw std::invalid_argument("--client-certificates: ignored, accepted or required is wanted");
}

void set(options& o, const std::string& name, const std::string& value)
{
    if (name == "--certificate")
        o.certificate = value;
    else if (name == "--key")
        o.key = value;
    else if (name == "--tls")
        o.tls.versions = read_tls(value);
    else if (name == "--client-certificates")
        o.tls.of_clients = read_client_certificates(value);
    else if (name == "--listen")
        o.listen = value;
    else if (name == "--control")
        o.control = value;
    else if (name == "--account")
        read_account(value, o.account);
    else if (name == "--password")
        o.account.password = value;
    else if (name == "--account-email")
        o.account.email = value;
    else if (name == "--auth")
        read_schemes(value, o);
    else if (name == "--extended-protection")
        o.protection = read_protection(value);
    else if (name == "--product") {
        if (!(o.product = find_product(value)))
            throw std::invalid_argument("--product: there is no " + value);
    } else if (name == "--domain")
        o.domain = value;
    else if (name == "--mailboxes")
        o.mailboxes = number(name, value, most_mailboxes);
    else if (name == "--journal")
        o.journal = value;
    else if (name == "--bump-change-keys-ms")
        o.bump_change_keys_after = std::chrono::milliseconds(number(name, value, 3'600'000));
    else if (name == "--max-concurrency")
        o.max_concurrency = number(name, value, 1'000'000);
    else if (name == "--windows-zones")
        o.windows_zones = value;
    else
        throw std::invalid_argument("there is no option " + name);
}

} // namespace

const char* const usage =
    "exchange-sim --certificate F --key F [--listen 127.0.0.1:0] [--control 127.0.0.1:0]\n"
    "             [--account 'CORP\\workestra-svc'] [--password P] [--account-email svc@corp.example]\n"
    "             [--auth basic,ntlm,negotiate] [--extended-protection off|allow|require]\n"
    "             [--tls modern|1.2|1.0] [--client-certificates ignored|accepted|required]\n"
    "             [--product 2013|2016|2019|se|2010|online|…] [--domain corp.example] [--mailboxes N]\n"
    "             [--journal F] [--bump-change-keys-ms N] [--max-concurrency 27] [--windows-zones F]\n";

options parse_options(const std::vector<std::string>& arguments)
{
    options o;
    o.product = find_product("2019");
    bool email_given = false;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        if (i + 1 == arguments.size())
            throw std::invalid_argument(arguments[i] + ": the value is missing");
        set(o, arguments[i], arguments[i + 1]);
        email_given = email_given || arguments[i] == "--account-email";
    }
    if (o.certificate.empty() || o.key.empty())
        throw std::invalid_argument("--certificate and --key are needed");
    if (!email_given)
        o.account.email = "svc@" + o.domain;
    return o;
}

} // namespace relay::exchange_sim
