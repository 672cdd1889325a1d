// GSSAPI (MIT Kerberos) with gss-ntlmssp as the NTLM mechanism. Linux only.
#include "agent/signin/negotiator.hpp"

#include "agent/signin/ntlm_challenge.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <stdexcept>

namespace relay::signin {
namespace {

gss_OID_desc ntlm_oid{GSS_NTLMSSP_OID_LENGTH, const_cast<char*>(GSS_NTLMSSP_OID_STRING)};
gss_OID_desc kerberos_oid{9, const_cast<char*>("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")};
gss_OID_desc spnego_oid{6, const_cast<char*>("\x2b\x06\x01\x05\x05\x02")};

gss_buffer_desc buffer_of(std::string_view text)
{
    return {text.size(), const_cast<char*>(text.data())};
}

std::string status_text(OM_uint32 code, int type, gss_OID mechanism)
{
    OM_uint32 minor = 0, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (gss_display_status(&minor, code, type, mechanism, &more, &text) != GSS_S_COMPLETE)
        return "no reason given";
    std::string result(static_cast<const char*>(text.value), text.length);
    gss_release_buffer(&minor, &text);
    return result;
}

// KDC answers about user or password (RFC 4120, 7.5.9), as MIT's com_err codes. Numbers, as krb5.h need not be there.
constexpr std::int32_t kdc_errors = -1765328384;
constexpr std::int32_t no_such_principal = 6;

bool refused_by_directory(OM_uint32 minor)
{
    constexpr std::array errors{no_such_principal, 18 /*locked or disabled*/, 23 /*expired*/,
                                24 /*wrong password*/, 31 /*integrity: wrong key*/};
    return std::find(errors.begin(), errors.end(), static_cast<std::int32_t>(minor) - kdc_errors) !=
           errors.end();
}

class gss_name {
public:
    gss_name() = default;
    ~gss_name()
    {
        OM_uint32 minor = 0;
        gss_release_name(&minor, &name_);
    }
    gss_name(const gss_name&) = delete;
    gss_name& operator=(const gss_name&) = delete;

    OM_uint32 import(std::string_view text, gss_OID kind)
    {
        OM_uint32 minor = 0;
        auto bytes = buffer_of(text);
        return gss_import_name(&minor, &bytes, kind, &name_);
    }
    gss_name_t get() const { return name_; }

private:
    gss_name_t name_ = GSS_C_NO_NAME;
};

class gssapi_negotiator final : public negotiator {
public:
    explicit gssapi_negotiator(const sign_in_request& wish)
        : mechanism_(wish.mechanism),
          host_(wish.host),
          username_(wish.username),
          keytab_(wish.keytab),
          password_(wish.password)
    {
    }

    ~gssapi_negotiator() override
    {
        OM_uint32 minor = 0;
        gss_delete_sec_context(&minor, &context_, GSS_C_NO_BUFFER);
        gss_release_cred(&minor, &credential_);
    }
    gssapi_negotiator(const gssapi_negotiator&) = delete;
    gssapi_negotiator& operator=(const gssapi_negotiator&) = delete;

    boost::system::result<token, sign_in_trouble> step(std::string_view from_server,
                                                       std::string_view binding) override;

private:
    gss_OID oid() const { return mechanism_ == mechanism::ntlm ? &ntlm_oid : &spnego_oid; }
    const char* name() const { return mechanism_ == mechanism::ntlm ? "NTLM" : "Negotiate"; }
    std::string user_for_mechanism() const;
    boost::system::result<void, sign_in_trouble> begin();
    bool refused_by_kdc(gss_name_t user);
    boost::system::result<void, sign_in_trouble> take_keys(gss_name_t user);
    sign_in_trouble trouble(const char* doing, OM_uint32 major, OM_uint32 minor) const;

    mechanism mechanism_;
    std::string host_, username_, keytab_;
    secret password_; // until the credential is made
    bool begun_ = false;
    gss_name service_;
    gss_cred_id_t credential_ = GSS_C_NO_CREDENTIAL; // stays so for the account the process runs as
    gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
};

sign_in_trouble gssapi_negotiator::trouble(const char* doing, OM_uint32 major, OM_uint32 minor) const
{
    const bool refused = mechanism_ == mechanism::negotiate && refused_by_directory(minor);
    return {refused, fmt::format("{} by {} failed: {}", doing, name(),
                                 minor ? status_text(minor, GSS_C_MECH_CODE, oid())
                                       : status_text(major, GSS_C_GSS_CODE, oid()))};
}

// gss-ntlmssp takes the part after an @ for the domain unless the @ is escaped, but a UPN's suffix need not name a
// domain: the whole UPN is the user, in no domain. Kerberos wants user@REALM.
std::string gssapi_negotiator::user_for_mechanism() const
{
    const auto at = username_.find('@');
    const auto slash = username_.find('\\');
    if (mechanism_ == mechanism::ntlm)
        return at == username_.npos || slash != username_.npos
                   ? username_
                   : username_.substr(0, at) + "\\" + username_.substr(at);
    std::string user = username_, realm;
    if (slash != username_.npos) {
        realm = username_.substr(0, slash);
        user = username_.substr(slash + 1);
    } else if (at != username_.npos) {
        realm = username_.substr(at + 1);
        user = username_.substr(0, at);
    }
    std::transform(realm.begin(), realm.end(), realm.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return realm.empty() ? user : user + '@' + realm;
}

// Whether the directory refuses user or password. Inside SPNEGO that would show as a wish to go on with NTLM, and one wrong
// password would be two refusals. A directory that cannot be reached refuses nobody.
bool gssapi_negotiator::refused_by_kdc(gss_name_t user)
{
    OM_uint32 minor = 0, ignored = 0;
    gss_cred_id_t ticket = GSS_C_NO_CREDENTIAL;
    gss_OID_set_desc wanted{1, &kerberos_oid};
    auto password = buffer_of(password_.reveal());
    const auto major = gss_acquire_cred_with_password(&minor, user, &password, GSS_C_INDEFINITE, &wanted,
                                                      GSS_C_INITIATE, &ticket, nullptr, nullptr);
    gss_release_cred(&ignored, &ticket);
    // Who is unknown to it cannot be locked out by it either; NTLM may know the name in another form.
    return GSS_ERROR(major) && refused_by_directory(minor) &&
           static_cast<std::int32_t>(minor) != kdc_errors + no_such_principal;
}

// Tickets by the keys of a keytab. The library keeps them in the memory of this process, and fetches new ones by the keytab
// when half of their life is over (MIT: client keytab initiation), so that most sign-ins do not ask the directory.
boost::system::result<void, sign_in_trouble> gssapi_negotiator::take_keys(gss_name_t user)
{
    const std::string keys = "FILE:" + keytab_;
    gss_key_value_element_desc where[] = {{"client_keytab", keys.c_str()},
                                          {"ccache", "MEMORY:workestra-relay"}};
    const gss_key_value_set_desc store{2, where};
    gss_OID_set_desc wanted{1, &kerberos_oid};
    OM_uint32 minor = 0, ignored = 0;
    gss_cred_id_t ticket = GSS_C_NO_CREDENTIAL;
    auto major = gss_acquire_cred_from(&minor, user, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE, &store,
                                       &ticket, nullptr, nullptr);
    if (!GSS_ERROR(major)) // acquiring alone may put the directory off until the first use
        major = gss_inquire_cred(&minor, ticket, nullptr, nullptr, nullptr, nullptr);
    const auto why = minor;
    gss_release_cred(&ignored, &ticket);
    if (GSS_ERROR(major)) {
        const bool refused =
            refused_by_directory(why) && static_cast<std::int32_t>(why) != kdc_errors + no_such_principal;
        return sign_in_trouble{refused,
                               fmt::format("the keys in exchange.keytab_file bring no Kerberos ticket: {}",
                                           status_text(why, GSS_C_MECH_CODE, &kerberos_oid))};
    }
    gss_OID_set_desc negotiated{1, oid()};
    major = gss_acquire_cred_from(&minor, user, GSS_C_INDEFINITE, &negotiated, GSS_C_INITIATE, &store,
                                  &credential_, nullptr, nullptr);
    if (GSS_ERROR(major))
        return trouble("getting credentials", major, minor);
    return {};
}

boost::system::result<void, sign_in_trouble> gssapi_negotiator::begin()
{
    if (service_.import("HTTP@" + host_, GSS_C_NT_HOSTBASED_SERVICE) != GSS_S_COMPLETE)
        return sign_in_trouble{false, "the name of the server cannot be used to sign in"};
    if (username_.empty())
        return keytab_.empty() ? boost::system::result<void, sign_in_trouble>() : take_keys(GSS_C_NO_NAME);
    gss_name user;
    if (user.import(user_for_mechanism(), GSS_C_NT_USER_NAME) != GSS_S_COMPLETE)
        return sign_in_trouble{false, "the user name cannot be used to sign in"};
    if (!keytab_.empty())
        return take_keys(user.get());
    if (mechanism_ == mechanism::negotiate && refused_by_kdc(user.get()))
        return sign_in_trouble{
            true, "the directory (Kerberos) refuses the service account: wrong password, or a locked, "
                  "disabled or expired account"};
    OM_uint32 minor = 0;
    gss_OID_set_desc wanted{1, oid()};
    auto password = buffer_of(password_.reveal());
    const auto major =
        gss_acquire_cred_with_password(&minor, user.get(), &password, GSS_C_INDEFINITE, &wanted,
                                       GSS_C_INITIATE, &credential_, nullptr, nullptr);
    password_ = secret();
    if (GSS_ERROR(major))
        return trouble("getting credentials", major, minor);
    return {};
}

boost::system::result<token, sign_in_trouble> gssapi_negotiator::step(std::string_view from_server,
                                                                      std::string_view binding)
{
    if (!begun_) {
        begun_ = true;
        if (auto ready = begin(); ready.has_error())
            return ready.error();
    }
    if (!sound_ntlm_challenge(from_server))
        return sign_in_trouble{
            false, fmt::format("signing in by {} failed: the server's challenge is malformed", name())};
    gss_channel_bindings_struct bindings{};
    bindings.application_data = buffer_of(binding);
    auto in = buffer_of(from_server);
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0;
    // No mutual authentication: the server has proven itself by its certificate.
    const auto major =
        gss_init_sec_context(&minor, credential_, &context_, service_.get(), oid(), 0, 0,
                             binding.empty() ? GSS_C_NO_CHANNEL_BINDINGS : &bindings,
                             from_server.empty() ? GSS_C_NO_BUFFER : &in, nullptr, &out, nullptr, nullptr);
    token t{std::string(static_cast<const char*>(out.value ? out.value : ""), out.length),
            major == GSS_S_COMPLETE};
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, &out);
    if (GSS_ERROR(major))
        return trouble("signing in", major, minor);
    if (t.bytes.empty() && !t.done)
        return sign_in_trouble{false, fmt::format("signing in by {} failed: no token", name())};
    return t;
}

} // namespace

void throw_exception_from_error(const sign_in_trouble& t, const boost::source_location&)
{
    throw std::runtime_error(t.sentence);
}

std::unique_ptr<negotiator> make_negotiator(const sign_in_request& wish)
{
    return std::make_unique<gssapi_negotiator>(wish);
}

} // namespace relay::signin
