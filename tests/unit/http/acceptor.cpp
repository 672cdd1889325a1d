#include "tests/unit/http/acceptor.hpp"

#include "common/text/text.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <unistd.h>

namespace relay::test {
namespace {

gss_OID_desc ntlm_oid{GSS_NTLMSSP_OID_LENGTH, const_cast<char*>(GSS_NTLMSSP_OID_STRING)};

} // namespace

account_file::account_file(const std::string& password, const std::string& domain, const std::string& user)
{
    static std::atomic<int> number{0};
    path_ = (std::filesystem::temp_directory_path() /
             ("relay-http-users-" + std::to_string(::getpid()) + "-" + std::to_string(number++)))
                .string();
    std::ofstream(path_) << domain << ':' << user << ':' << password << '\n';
    ::setenv("NTLM_USER_FILE", path_.c_str(), 1);
}

account_file::~account_file()
{
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

void serve_signed_in(peer& p, const acceptor_wish& wish, sign_in_counts& counts, int max_requests)
{
    OM_uint32 minor = 0;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_OID_set_desc wanted{1, &ntlm_oid};
    gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                     wish.scheme == "NTLM" ? &wanted : GSS_C_NO_OID_SET, GSS_C_ACCEPT, &credential, nullptr,
                     nullptr);
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    bool signed_in = false;
    int served = 0;
    const auto challenge = "WWW-Authenticate: " + wish.scheme;
    const auto restart = [&] { gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER); };

    while (const auto r = p.read()) {
        const auto authorization = r->header("authorization");
        if (signed_in && authorization.empty()) {
            p.answer(200, "<" + r->body + "/>");
            if (++served == max_requests)
                break;
            continue;
        }
        signed_in = false;
        if (!authorization.starts_with(wish.scheme + " ")) {
            p.answer(401, "", challenge + "\r\nWWW-Authenticate: Basic realm=\"a, b\"\r\n");
            continue;
        }
        auto token = from_base64(authorization.substr(wish.scheme.size() + 1)).value_or("");
        gss_buffer_desc in{token.size(), token.data()}, out = GSS_C_EMPTY_BUFFER;
        gss_channel_bindings_struct bindings{};
        bindings.application_data = {wish.binding.size(), const_cast<char*>(wish.binding.data())};
        OM_uint32 flags = 0;
        const auto major = gss_accept_sec_context(
            &minor, &context, credential, &in,
            wish.protection == extended_protection::off ? GSS_C_NO_CHANNEL_BINDINGS : &bindings, nullptr,
            nullptr, &out, &flags, nullptr, nullptr);
        const std::string reply(out.value ? static_cast<char*>(out.value) : "", out.length);
        OM_uint32 ignored = 0;
        gss_release_buffer(&ignored, &out);
        if (major == GSS_S_CONTINUE_NEEDED) {
            p.answer(401, "", challenge + " " + to_base64(reply) + "\r\n");
            continue;
        }
        const bool bound = flags & GSS_C_CHANNEL_BOUND_FLAG;
        if (GSS_ERROR(major) || (wish.protection == extended_protection::require && !bound)) {
            ++counts.refused;
            restart();
            p.answer(401, "", challenge + "\r\n");
            continue;
        }
        ++counts.accepted;
        signed_in = true;
        restart();
        p.answer(200, "<" + r->body + "/>");
        if (++served == max_requests)
            break;
    }
    restart();
    gss_release_cred(&minor, &credential);
}

} // namespace relay::test
