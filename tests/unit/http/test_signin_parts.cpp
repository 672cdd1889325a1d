// Channel binding, secrets, the password's cache and the challenge parser.
#include "agent/http/challenge.hpp"
#include "agent/signin/channel_binding.hpp"
#include "agent/signin/credentials.hpp"
#include "agent/signin/negotiator.hpp"
#include "agent/signin/ntlm_challenge.hpp"
#include "common/text/text.hpp"
#include "tests/unit/http/test_certificate.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

namespace relay::test {
namespace {

std::string digest(const std::string& bytes, const EVP_MD* how)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), out, &size, how, nullptr);
    return {reinterpret_cast<char*>(out), size};
}

std::string from_hex(std::string_view hex)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}

TEST_CASE("what is no certificate binds nothing", "[unit][signin]")
{
    CHECK(signin::tls_server_end_point("").error() == errc::bad_certificate);
    CHECK(signin::tls_server_end_point("not DER").error() == errc::bad_certificate);
}

TEST_CASE("a channel binding is the certificate's digest by its own hash, but SHA-256 at least",
          "[unit][signin]")
{
    const test_authority ca;
    const auto [name, how] = GENERATE(table<std::string, const EVP_MD*>({{"SHA256", EVP_sha256()},
                                                                         {"SHA384", EVP_sha384()},
                                                                         {"SHA512", EVP_sha512()},
                                                                         {"SHA1", EVP_sha256()}}));
    const auto der = ca.issue({.digest = name}).der();
    CHECK(signin::tls_server_end_point(der).value() == "tls-server-end-point:" + digest(der, how));
}

TEST_CASE("the application data hashes to the check vector of MsvAvChannelBindings", "[unit][signin]")
{
    const auto data = "tls-server-end-point:" +
                      from_hex("ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95");
    std::string structure(16, '\0'); // address types 0, no addresses
    for (int shift = 0; shift < 32; shift += 8)
        structure += static_cast<char>(data.size() >> shift & 0xff);
    CHECK(to_hex(digest(structure + data, EVP_md5())) == "6586e99d81c2fc984e47172fd4dd0310");
}

TEST_CASE("a secret leaves its source empty and cannot be printed", "[unit][signin]")
{
    std::string plain = "hunter2";
    auto a = secret::take(plain);
    CHECK(plain.empty());
    CHECK(a.reveal() == "hunter2");
    const auto b = std::move(a);
    CHECK(a.empty()); // NOLINT(bugprone-use-after-move): what a move leaves behind is the point
    CHECK(a.reveal().empty());
    auto c = b;
    CHECK((b == c));
    c = secret("other");
    CHECK(b.reveal() == "hunter2");
    CHECK(fmt::format("{} {}", b, secret()) == "*** ");
    CHECK_FALSE((b == secret("hunter3")));
    CHECK_FALSE((b == secret("hunter")));
    CHECK((secret() == secret("")));
}

TEST_CASE("the password is read once, and again only after a refusal", "[unit][signin]")
{
    int reads = 0;
    std::string stored = "one";
    bool readable = true;
    signin::credentials c([&]() -> result<secret> {
        ++reads;
        if (!readable)
            return errc::bad_credentials_source;
        return secret(stored);
    });
    readable = false;
    CHECK(c.get().error() == errc::bad_credentials_source);
    readable = true;
    const auto first = c.get().value();
    CHECK(c.get().value() == first);
    CHECK(reads == 2);
    CHECK(c.other_than(first).value() == nullptr); // the same: trying again would be a second refusal
    stored = "two";
    const auto second = c.other_than(first).value();
    REQUIRE(second);
    CHECK(second->reveal() == "two");
    CHECK(reads == 4);
    CHECK(c.other_than(first).value() == second); // read by somebody else meanwhile
    CHECK(reads == 4);
    readable = false;
    CHECK(c.other_than(second).has_error());
    c.forget();
    CHECK(c.get().has_error());
}

TEST_CASE("challenges are found on lines of their own and in one list", "[unit][http]")
{
    http::response r;
    CHECK_FALSE(http::challenge_token(r, "NTLM"));
    CHECK(http::offered_schemes(r) == "nothing");
    r.headers = {
        {"www-authenticate", "Negotiate"}, {"www-authenticate", "NTLM YWJj"}, {"server", "NTLM eHl6"}};
    CHECK(http::challenge_token(r, "ntlm") == "abc");
    CHECK(http::challenge_token(r, "Negotiate") == "");
    CHECK_FALSE(http::challenge_token(r, "Basic"));
    r.headers = {{"www-authenticate", "Negotiate,NTLM  , Basic realm=\"host\",  ,"}};
    CHECK(http::challenge_token(r, "NTLM") == "");
    CHECK(http::offered_schemes(r) == "Negotiate, NTLM, Basic");
    r.headers = {{"www-authenticate", "NTLM ***, Negotiate\x01\x02"}};
    CHECK_FALSE(http::challenge_token(r, "NTLM"));
    CHECK(http::offered_schemes(r) == "NTLM");
}

std::string utf16_field(const std::string& message, std::size_t at)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(message.at(i)); };
    const std::size_t size = byte(at) + 256u * byte(at + 1), offset = byte(at + 4) + 256u * byte(at + 5);
    std::string narrow;
    for (std::size_t i = 0; i < size; i += 2)
        narrow += message.at(offset + i);
    return narrow;
}

std::string little_endian(std::size_t value, int bytes)
{
    std::string text;
    for (; bytes-- > 0; value >>= 8)
        text += static_cast<char>(value & 0xff);
    return text;
}

// A CHALLENGE_MESSAGE with the flags of Windows.
std::string challenge_message(const std::string& target, const std::string& info)
{
    const auto field = [](const std::string& what, std::size_t offset) {
        return little_endian(what.size(), 2) + little_endian(what.size(), 2) + little_endian(offset, 4);
    };
    return std::string("NTLMSSP\0\2\0\0\0", 12) + field(target, 56) + from_hex("05828aa2") + "12345678" +
           std::string(8, '\0') + field(info, 56 + target.size()) + from_hex("0a0063450000000f") + target +
           info;
}

const std::string a_target("C\0O\0", 4);
const std::string no_pairs(4, '\0');

TEST_CASE("a malformed NTLM challenge never reaches the security library", "[unit][signin]")
{
    const secret password("p");
    const std::string from_server = GENERATE_COPY(
        challenge_message("", no_pairs), challenge_message("", ""), challenge_message("odd", no_pairs),
        challenge_message(a_target, ""), challenge_message(a_target, from_hex("0200")),
        challenge_message(a_target, from_hex("02000400") + "C"),
        challenge_message(a_target, from_hex("0200020043004f00")),
        challenge_message(a_target, no_pairs).substr(0, 40),
        challenge_message(a_target, no_pairs).substr(0, 58),
        "SPNEGO around " + challenge_message("", no_pairs));
    CHECK_FALSE(signin::sound_ntlm_challenge(from_server));
    const auto n =
        signin::make_negotiator({signin::mechanism::ntlm, "mail.corp.example", "CORP\\svc", password});
    REQUIRE(n->step({}, {}).has_value());
    const auto got = n->step(from_server, {});
    REQUIRE(got.has_error());
    CHECK(got.error().sentence == "signing in by NTLM failed: the server's challenge is malformed");
}

TEST_CASE("NTLM signs a UPN in as the user of no domain, and DOMAIN\\user as both", "[unit][signin]")
{
    const auto challenge = challenge_message(a_target, no_pairs);
    CHECK(signin::sound_ntlm_challenge(challenge));
    const auto [given, domain, user] = GENERATE(table<std::string, std::string, std::string>(
        {{"CORP\\svc", "CORP", "svc"}, {"svc@corp.example", "", "svc@corp.example"}, {"svc", "", "svc"}}));
    const secret password("p\xc3\xa4ss");
    const auto n = signin::make_negotiator({signin::mechanism::ntlm, "mail.corp.example", given, password});
    const auto first = n->step({}, {});
    if (first.has_error())
        FAIL(first.error().sentence);
    CHECK_FALSE(first->done);
    const auto last = n->step(challenge, {});
    if (last.has_error())
        FAIL(last.error().sentence);
    CHECK(last->done);
    CHECK(utf16_field(last->bytes, 28) == domain);
    CHECK(utf16_field(last->bytes, 36) == user);
}

TEST_CASE("a hostile challenge ends the sign-in with a sentence", "[unit][signin]")
{
    const secret password("secret-word");
    const auto n =
        signin::make_negotiator({signin::mechanism::ntlm, "mail.corp.example", "CORP\\svc", password});
    REQUIRE(n->step({}, {}).has_value());
    const auto got = n->step(GENERATE(as<std::string>(), "x", "NTLMSSP", std::string(70000, 'A')), {});
    REQUIRE(got.has_error());
    CHECK_FALSE(got.error().refused);
    CHECK(got.error().sentence.starts_with("signing in by NTLM failed: "));
    CHECK(got.error().sentence.find("secret-word") == std::string::npos);
}

} // namespace
} // namespace relay::test
