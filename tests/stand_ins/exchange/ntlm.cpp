#include "tests/stand_ins/exchange/ntlm.hpp"

#include "common/text/text.hpp"

#include <fmt/format.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

namespace relay::exchange_sim {
namespace {

// 1.3.6.1.4.1.311.2.2.10
gss_OID_desc ntlmssp_oid{10, const_cast<char*>("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")};
// 1.3.6.1.5.5.2: Kerberos, or NTLM where the client has no ticket
gss_OID_desc spnego_oid{6, const_cast<char*>("\x2b\x06\x01\x05\x05\x02")};

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

unsigned number(std::string_view bytes, std::size_t at, std::size_t width)
{
    unsigned value = 0;
    for (std::size_t i = width; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

bool is_authenticate(std::string_view token)
{
    return token.size() >= 64 && token.starts_with(std::string_view("NTLMSSP\0", 8)) &&
           number(token, 8, 4) == 3;
}

// Whether an AUTHENTICATE message carries channel bindings ([MS-NLMP] 2.2.2.1, MsvAvChannelBindings, not all
// zero).
bool has_channel_bindings(std::string_view token)
{
    constexpr std::size_t pairs_at = 44; // NTProofStr, then the fixed part of NTLMv2_CLIENT_CHALLENGE
    const std::size_t length = number(token, 20, 2), offset = number(token, 24, 4);
    if (offset > token.size() || length > token.size() - offset || length < pairs_at)
        return false;
    auto pairs = token.substr(offset + pairs_at, length - pairs_at);
    while (pairs.size() >= 4) {
        const auto id = number(pairs, 0, 2), size = number(pairs, 2, 2);
        if (id == 0 || size > pairs.size() - 4)
            return false;
        if (id == 10)
            return pairs.substr(4, size).find_first_not_of('\0') != pairs.npos;
        pairs.remove_prefix(4 + size);
    }
    return false;
}

// Releases the name.
std::string name_of(gss_name_t client)
{
    OM_uint32 minor = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (client != GSS_C_NO_NAME)
        gss_display_name(&minor, client, &text, nullptr);
    std::string name(static_cast<const char*>(text.value), text.length);
    gss_release_buffer(&minor, &text);
    gss_release_name(&minor, &client);
    return name;
}

} // namespace

ntlm_user_file::ntlm_user_file() : file_(::memfd_create("exchange-sim-users", MFD_CLOEXEC))
{
    if (file_ < 0)
        fail("cannot make the NTLM user file");
    if (::setenv("NTLM_USER_FILE", fmt::format("/proc/self/fd/{}", file_).c_str(), 1) != 0)
        fail("cannot name the NTLM user file");
}

ntlm_user_file::~ntlm_user_file()
{
    ::close(file_);
}

void ntlm_user_file::write(std::string_view domain, std::string_view user, std::string_view password)
{
    if (password.find_first_of(":\n") != password.npos)
        throw std::invalid_argument(
            "a password with a colon can not be checked over NTLM: gss-ntlmssp's file has no way "
            "to say it");
    const auto line = fmt::format("{}:{}:{}\n", domain, user, password);
    if (::ftruncate(file_, 0) != 0 ||
        ::pwrite(file_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
        fail("cannot write the NTLM user file");
}

struct sign_in_server::impl {
    sign_in_scheme scheme;
    extended_protection protection;
    std::string binding; // tls-server-end-point:HASH
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
};

sign_in_server::sign_in_server(sign_in_scheme scheme, extended_protection protection,
                               std::string_view certificate_hash)
    : impl_(std::make_unique<impl>())
{
    impl_->scheme = scheme;
    impl_->protection = protection;
    impl_->binding.append("tls-server-end-point:").append(certificate_hash);
    const bool ntlm = scheme == sign_in_scheme::ntlm;
    gss_OID_set_desc mechanisms{1, ntlm ? &ntlmssp_oid : &spnego_oid};
    OM_uint32 minor = 0;
    if (GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms, GSS_C_ACCEPT,
                                   &impl_->credential, nullptr, nullptr)))
        throw std::runtime_error(ntlm ? "NTLM is not to be had: is gss-ntlmssp installed?"
                                      : "Negotiate is not to be had: is there a keytab in KRB5_KTNAME?");
}

sign_in_server::~sign_in_server()
{
    OM_uint32 minor = 0;
    gss_release_cred(&minor, &impl_->credential);
}

struct sign_in_handshake::impl {
    const sign_in_server::impl& server;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    std::string user; // as GSSAPI writes it: DOMAIN\user or user@REALM
};

sign_in_handshake::sign_in_handshake(const sign_in_server& server)
    : impl_(new impl{.server = *server.impl_, .user = {}})
{
}

sign_in_handshake::~sign_in_handshake()
{
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &impl_->context, GSS_C_NO_BUFFER);
}

sign_in_handshake::outcome sign_in_handshake::step(std::string_view token, std::string& answer)
{
    const auto& server = impl_->server;
    gss_channel_bindings_t bindings = GSS_C_NO_CHANNEL_BINDINGS;
    gss_channel_bindings_struct own{};
    const bool negotiate = server.scheme == sign_in_scheme::negotiate;
    if (negotiate && server.protection != extended_protection::off) {
        own.application_data = {server.binding.size(), const_cast<char*>(server.binding.data())};
        bindings = &own;
    }
    if (!negotiate && is_authenticate(token) && server.protection != extended_protection::off) {
        const bool there = has_channel_bindings(token);
        if (!there && server.protection == extended_protection::require)
            return outcome::refused;
        own.application_data = {server.binding.size(), const_cast<char*>(server.binding.data())};
        if (there)
            bindings = &own;
    }
    // gss-ntlmssp wants the version field that curl and others leave out of their first message. Only clients
    // that send it put a MIC over the messages, so filling it up for the others breaks nothing.
    std::string message(token);
    if (!negotiate)
        message.resize(std::max(message.size(), std::size_t{40}));
    gss_buffer_desc input{message.size(), message.data()};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0, flags = 0;
    gss_name_t client = GSS_C_NO_NAME;
    const auto major = gss_accept_sec_context(&minor, &impl_->context, server.credential, &input, bindings,
                                              &client, nullptr, &output, &flags, nullptr, nullptr);
    impl_->user = name_of(client);
    answer.assign(static_cast<const char*>(output.value), output.length);
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, &output);
    if (GSS_ERROR(major))
        return outcome::refused;
    if (major == GSS_S_CONTINUE_NEEDED)
        return outcome::go_on;
    const bool bound = (flags & GSS_C_CHANNEL_BOUND_FLAG) != 0;
    return negotiate && server.protection == extended_protection::require && !bound ? outcome::refused
                                                                                    : outcome::accepted;
}

bool sign_in_handshake::is_user(std::string_view user) const
{
    std::string_view name = impl_->user;
    if (const auto slash = name.find('\\'); slash != name.npos)
        name.remove_prefix(slash + 1);
    return ascii_iequals(name.substr(0, name.find('@')), user);
}

} // namespace relay::exchange_sim
