#include "agent/support/tar_gz.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <stdexcept>

namespace relay::support {
namespace {

constexpr std::size_t block = 512;
constexpr int gzip_wrapper = 16; // added to the window's bits, see deflateInit2() in zlib.h
constexpr int window_bits = 15;
constexpr int memory_level = 8; // zlib's own default

// A field of the header (pax(1), "ustar Interchange Format").
struct field {
    std::size_t at, size;
};
constexpr field name_field{0, 100}, mode_field{100, 8}, uid_field{108, 8}, gid_field{116, 8},
    size_field{124, 12}, time_field{136, 12}, sum_field{148, 8}, type_field{156, 1}, magic_field{257, 8};

using header = std::array<char, block>;

void put(header& h, field f, std::string_view text)
{
    std::copy_n(text.begin(), std::min(text.size(), f.size), h.begin() + static_cast<std::ptrdiff_t>(f.at));
}

void put_octal(header& h, field f, std::uint64_t number)
{
    put(h, f, fmt::format("{:0{}o}", number, f.size - 1));
}

header make_header(std::string_view name, std::size_t size, utc_time made)
{
    header h{};
    put(h, name_field, name);
    put_octal(h, mode_field, 0600);
    put_octal(h, uid_field, 0);
    put_octal(h, gid_field, 0);
    put_octal(h, size_field, size);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(made).time_since_epoch().count();
    put_octal(h, time_field, static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)));
    put(h, type_field, "0"); // a plain file
    put(h, magic_field, std::string_view("ustar\00000", 8));
    put(h, sum_field, "        "); // counted as blanks
    std::uint64_t sum = 0;
    for (const char c : h)
        sum += static_cast<unsigned char>(c);
    put(h, sum_field, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    return h;
}

} // namespace

struct tar_gz::stream {
    stream()
    {
        if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits + gzip_wrapper, memory_level,
                         Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    ~stream() { deflateEnd(&z); }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    void take(std::string_view bytes, int flush)
    {
        std::array<unsigned char, 64 * 1024> chunk{};
        z.next_in = reinterpret_cast<z_const Bytef*>(const_cast<char*>(bytes.data())); // zlib only reads it
        z.avail_in = static_cast<uInt>(bytes.size());
        int rc = Z_OK;
        do {
            z.next_out = chunk.data();
            z.avail_out = static_cast<uInt>(chunk.size());
            rc = deflate(&z, flush);
            out.append(reinterpret_cast<const char*>(chunk.data()), chunk.size() - z.avail_out);
        } while (z.avail_out == 0 || (flush == Z_FINISH && rc == Z_OK));
    }

    z_stream z{};
    std::string out;
};

tar_gz::tar_gz(utc_time made) : made_(made), stream_(std::make_unique<stream>()) {}
tar_gz::~tar_gz() = default;

void tar_gz::write(std::string_view bytes)
{
    constexpr std::size_t most = 1u << 30; // what fits zlib's count
    while (!bytes.empty()) {
        const auto some = bytes.substr(0, most);
        stream_->take(some, Z_NO_FLUSH);
        bytes.remove_prefix(some.size());
    }
}

void tar_gz::add(std::string_view name, std::string_view content)
{
    if (name.empty() || name.size() > name_field.size)
        throw std::length_error("a name in the archive is empty or too long: " + std::string(name));
    const auto h = make_header(name, content.size(), made_);
    write({h.data(), h.size()});
    write(content);
    if (const auto over = content.size() % block; over != 0)
        write(std::string(block - over, '\0'));
}

std::string tar_gz::finish()
{
    write(std::string(2 * block, '\0')); // the end of an archive
    stream_->take({}, Z_FINISH);
    return std::move(stream_->out);
}

} // namespace relay::support
