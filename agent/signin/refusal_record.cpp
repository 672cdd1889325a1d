#include "agent/signin/refusal_record.hpp"

#include "common/platform/private_files.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <fstream>
#include <new>
#include <stdexcept>

namespace relay::signin {
namespace {

namespace fs = std::filesystem;

// scrypt's cost: 16 MiB and some 50 ms on a small server.
constexpr std::uint64_t scrypt_n = 1 << 14, scrypt_r = 8, scrypt_p = 1, scrypt_memory = 64 << 20;
constexpr std::string_view version = "1"; // of the line: version, time, salt, hash
constexpr std::size_t salt_size = 16, hash_size = 32;

struct line {
    utc_time at;
    std::string salt, hash; // bytes
};

std::string hash_of(const secret& credentials, std::string_view salt)
{
    std::string hash(hash_size, '\0');
    const auto text = credentials.reveal();
    if (EVP_PBE_scrypt(text.data(), text.size(), reinterpret_cast<const unsigned char*>(salt.data()),
                       salt.size(), scrypt_n, scrypt_r, scrypt_p, scrypt_memory,
                       reinterpret_cast<unsigned char*>(hash.data()), hash.size()) != 1)
        throw std::bad_alloc(); // all else that it fails for is constant above
    return hash;
}

std::string new_salt()
{
    std::array<unsigned char, salt_size> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("the system has no random numbers");
    return {bytes.begin(), bytes.end()};
}

std::optional<line> read(const fs::path& file)
{
    std::ifstream in(file);
    std::string said, salt, hash;
    std::int64_t ms = 0;
    if (!(in >> said >> ms >> salt >> hash) || said != version)
        return std::nullopt;
    auto salt_bytes = from_base64(salt);
    auto hash_bytes = from_base64(hash);
    if (!salt_bytes || salt_bytes->size() != salt_size || !hash_bytes || hash_bytes->size() != hash_size)
        return std::nullopt;
    std::optional<line> found(
        std::in_place); // built in place: g++ 12 with -O2 takes moving one for writing outside of it
    found->at = utc_time(milliseconds(ms));
    found->salt = *std::move(salt_bytes);
    found->hash = *std::move(hash_bytes);
    return found;
}

} // namespace

bool refusal_record::exists() const
{
    std::error_code ignored; // what cannot be looked at is not there
    return kept() && fs::exists(file_, ignored);
}

std::optional<utc_time> refusal_record::recall(const secret& credentials) const
{
    if (!exists())
        return std::nullopt;
    const auto found = read(file_);
    if (found && CRYPTO_memcmp(hash_of(credentials, found->salt).data(), found->hash.data(), hash_size) == 0)
        return found->at;
    clear();
    return std::nullopt;
}

error_code refusal_record::note(const secret& credentials, utc_time at) const
{
    if (!kept())
        return {};
    const auto salt = new_salt();
    const auto since_epoch = std::chrono::floor<milliseconds>(at).time_since_epoch().count();
    const auto text = fmt::format("{} {} {} {}\n", version, since_epoch, to_base64(salt),
                                  to_base64(hash_of(credentials, salt)));
    auto beside = file_;
    beside += ".new";
    if (const auto ec = platform::write_synced(beside, text, platform::readable_by::owner))
        return ec;
    return platform::move_synced(beside, file_);
}

error_code refusal_record::clear() const
{
    return exists() ? platform::remove_synced(file_) : error_code();
}

} // namespace relay::signin
