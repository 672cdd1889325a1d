#include "tests/stand_ins/exchange/gatekeeper.hpp"

#include "common/text/text.hpp"

namespace relay::exchange_sim {

gatekeeper::gatekeeper(service_account account, bool basic, std::unique_ptr<sign_in_server> ntlm,
                       std::unique_ptr<sign_in_server> negotiate, std::unique_ptr<ntlm_user_file> users)
    : account_(std::move(account)),
      basic_(basic),
      users_(std::move(users)),
      ntlm_(std::move(ntlm)),
      negotiate_(std::move(negotiate))
{
    change_password(account_.password);
}

void gatekeeper::change_password(std::string password)
{
    account_.password = std::move(password);
    if (users_)
        users_->write(account_.domain, account_.user, account_.password);
}

std::vector<std::string> gatekeeper::challenges() const
{
    std::vector<std::string> values;
    if (negotiate_)
        values.emplace_back("Negotiate");
    if (ntlm_)
        values.emplace_back("NTLM");
    if (basic_)
        values.emplace_back("Basic realm=\"localhost\"");
    return values;
}

std::optional<std::vector<std::string>> gatekeeper::check(connection_sign_in& connection,
                                                          std::string_view authorization)
{
    const auto space = authorization.find(' ');
    const auto scheme = authorization.substr(0, space);
    const auto rest = space == authorization.npos ? std::string_view{} : trim(authorization.substr(space));
    for (const auto* offered : {ntlm_ ? "NTLM" : "", negotiate_ ? "Negotiate" : ""})
        if (*offered != '\0' && ascii_iequals(scheme, offered))
            return check_token(connection, offered, rest);
    if (connection.by_connection && connection.epoch == epoch_ && authorization.empty())
        return std::nullopt;
    if (authorization.empty())
        return challenges();
    if (!basic_ || !ascii_iequals(scheme, "Basic") || !check_basic(rest)) {
        ++counts_.refused;
        return challenges();
    }
    if (!connection.counted)
        ++counts_.ok;
    connection.counted = true;
    return std::nullopt;
}

bool gatekeeper::check_basic(std::string_view credentials) const
{
    const auto decoded = from_base64(credentials);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return false;
    const std::string_view name(decoded->data(), colon);
    const bool known = ascii_iequals(name, account_.domain + '\\' + account_.user) ||
                       (!account_.email.empty() && ascii_iequals(name, account_.email));
    return known && std::string_view(*decoded).substr(colon + 1) == account_.password;
}

std::optional<std::vector<std::string>>
gatekeeper::check_token(connection_sign_in& connection, std::string_view scheme, std::string_view token)
{
    const auto message = from_base64(token);
    if (!connection.handshake) {
        connection.handshake = std::make_unique<sign_in_handshake>(scheme == "NTLM" ? *ntlm_ : *negotiate_);
        connection.by_connection = false;
    }
    using enum sign_in_handshake::outcome;
    std::string answer;
    auto outcome = message ? connection.handshake->step(*message, answer) : refused;
    if (outcome == go_on)
        return std::vector<std::string>{std::string(scheme) + " " + to_base64(answer)};
    // A keytab takes anybody's ticket; the NTLM file knows only our account.
    if (outcome == accepted && scheme != "NTLM" && !connection.handshake->is_user(account_.user))
        outcome = refused;
    connection.handshake.reset();
    connection.by_connection = outcome == accepted;
    connection.epoch = epoch_;
    ++(connection.by_connection ? counts_.ok : counts_.refused);
    if (connection.by_connection)
        return std::nullopt;
    return challenges();
}

} // namespace relay::exchange_sim
