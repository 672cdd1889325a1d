#include "common/secret/secret.hpp"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

namespace relay {

secret::secret(std::string_view text) : bytes_(std::make_unique<char[]>(text.size() + 1)), size_(text.size())
{
    if (!text.empty())
        std::memcpy(bytes_.get(), text.data(), text.size());
}

secret secret::take(std::string& text)
{
    secret taken{std::string_view(text)};
    relay::wipe(text);
    return taken;
}

secret::secret(secret&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      size_(std::exchange(other.size_, 0))
{
}

secret& secret::operator=(secret&& other) noexcept
{
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

secret& secret::operator=(const secret& other)
{
    if (this != &other)
        *this = secret(other);
    return *this;
}

bool secret::equals(const secret& other) const noexcept
{
    return size_ == other.size_ && CRYPTO_memcmp(reveal().data(), other.reveal().data(), size_) == 0;
}

void secret::wipe() noexcept
{
    if (bytes_)
        OPENSSL_cleanse(bytes_.get(), size_);
    bytes_.reset();
    size_ = 0;
}

void wipe(std::string& text) noexcept
{
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

} // namespace relay
