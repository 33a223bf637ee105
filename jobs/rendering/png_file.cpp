// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>
#include <new>
#include <utility>

#include "core/base/check.h"
#include "jobs/rendering/picture.h"
#include "jobs/rendering/pixels.h"
#include "jobs/rendering/srgb.h"

namespace sovren::jobs {

namespace {

// libpng leaves by longjmp() when something is wrong. What it may skip so owns nothing: steps are
// run by guarded(), and only plain values live in them.

/// The last that libpng said.
using Message = std::array<char, 128>;

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto& message = *static_cast<Message*>(png_get_error_ptr(png));
  std::strncpy(message.data(), text, message.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

template <class State>
bool guarded(State& state, void (*step)(State&)) {
  if (setjmp(png_jmpbuf(state.png)) != 0) return false;
  step(state);
  return true;
}

struct Reader {
  explicit Reader(std::span<const std::byte> bytes)
      : file(bytes),
        png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning)) {
    if (png == nullptr) throw std::bad_alloc();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }

  std::span<const std::byte> file;
  Message message{};
  png_structp png = nullptr;
  png_infop info = nullptr;
  int passes = 1;
  std::byte* rows = nullptr;  ///< where read_rows() puts them
};

void read_bytes(png_structp png, png_bytep to, std::size_t size) {
  auto& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader.file.size()) png_error(png, "the file is cut off");
  std::memcpy(to, reader.file.data(), size);
  reader.file = reader.file.subspan(size);
}

/// Up to the picture's size and form; afterwards rows have 1, 3 or 4 channels of 8 or 16 bits.
void read_head(Reader& reader) {
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // ours are checked by make_pixels()
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) png_error(reader.png, "out of memory");
  png_read_info(reader.png, reader.info);
}

void choose_form(Reader& reader) {
  png_set_expand(reader.png);  // palettes, fewer than 8 bits, one transparent colour
  if (png_get_bit_depth(reader.png, reader.info) == 16) png_set_swap(reader.png);
  const bool has_alpha =
      (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
      png_get_valid(reader.png, reader.info, PNG_INFO_tRNS) != 0;
  if (has_alpha) png_set_gray_to_rgb(reader.png);
  reader.passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
}

void read_rows(Reader& reader) {
  const std::size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
  const std::size_t height = png_get_image_height(reader.png, reader.info);
  for (int pass = 0; pass < reader.passes; ++pass)
    for (std::size_t y = 0; y < height; ++y)
      png_read_row(reader.png, reinterpret_cast<png_bytep>(reader.rows + y * row_bytes), nullptr);
  png_read_end(reader.png, nullptr);
}

struct Writer {
  explicit Writer(const Picture& a_picture)
      : picture(&a_picture),
        png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning)) {
    if (png == nullptr) throw std::bad_alloc();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { png_destroy_write_struct(&png, &info); }

  const Picture* picture;
  std::string file;
  Message message{};
  png_structp png = nullptr;
  png_infop info = nullptr;
  png_byte* row = nullptr;  ///< room for one
};

void write_bytes(png_structp png, png_bytep from, std::size_t size) {
  auto& file = static_cast<Writer*>(png_get_io_ptr(png))->file;
  bool is_written = true;
  try {
    file.append(reinterpret_cast<const char*>(from), size);
  } catch (const std::bad_alloc&) {
    is_written = false;
  }
  if (!is_written) png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

void encode_row(const float* values, std::size_t count, int channels, png_byte* row) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_alpha = channels == 4 && i % 4 == 3;
    const float a = values[i] > 0 ? (values[i] < 1 ? values[i] : 1) : 0;  // of a NaN: 0
    row[i] = is_alpha ? static_cast<png_byte>(a * 255 + 0.5F) : srgb_byte(values[i]);
  }
}

void write_picture(Writer& writer) {
  const Picture& picture = *writer.picture;
  png_set_write_fn(writer.png, &writer, write_bytes, flush_nothing);
  writer.info = png_create_info_struct(writer.png);
  if (writer.info == nullptr) png_error(writer.png, "out of memory");
  const int form = picture.channels == 1   ? PNG_COLOR_TYPE_GRAY
                   : picture.channels == 3 ? PNG_COLOR_TYPE_RGB
                                           : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.height), 8, form, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB(writer.png, writer.info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info(writer.png, writer.info);
  const std::size_t count =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.channels);
  for (int y = 0; y < picture.height; ++y) {
    encode_row(picture.values.data() + static_cast<std::size_t>(y) * count, count, picture.channels,
               writer.row);
    png_write_row(writer.png, writer.row);
  }
  png_write_end(writer.png, nullptr);
}

}  // namespace

Result<Pixels> decode_png(const PictureFile& file) {
  Reader reader(file.bytes);
  const auto broken = [&] {
    return fail(broken_picture(file, std::string("broken PNG: ") + reader.message.data()));
  };
  if (!guarded(reader, read_head)) return broken();
  const auto width = png_get_image_width(reader.png, reader.info);
  const auto height = png_get_image_height(reader.png, reader.info);
  const auto depth = png_get_bit_depth(reader.png, reader.info) == 16 ? Pixels::Depth::bits16
                                                                      : Pixels::Depth::bits8;
  SOVREN_DO(check_size(file, width, height, depth));
  if (!guarded(reader, choose_form)) return broken();
  const int channels = png_get_channels(reader.png, reader.info);
  SOVREN_TRY(pixels, make_pixels(file, width, height, channels, depth));
  SOVREN_CHECK(png_get_rowbytes(reader.png, reader.info) * height == pixels.data.size(),
               "rows are as long as their form says");
  reader.rows = pixels.data.data();
  if (!guarded(reader, read_rows)) return broken();
  return pixels;
}

Result<std::string> encode_png(const Picture& picture) {
  SOVREN_CHECK(picture.channels == 1 || picture.channels == 3 || picture.channels == 4,
               "a PNG has 1, 3 or 4 channels");
  SOVREN_CHECK(picture.values.size() == static_cast<std::size_t>(picture.width) *
                                            static_cast<std::size_t>(picture.height) *
                                            static_cast<std::size_t>(picture.channels),
               "a picture has the numbers that its size says");
  Writer writer(picture);
  std::vector<png_byte> row(static_cast<std::size_t>(picture.width) *
                            static_cast<std::size_t>(picture.channels));
  writer.row = row.data();
  if (!guarded(writer, write_picture))
    return fail({.code = Code::refused,
                 .what = std::string("the picture cannot be a PNG: ") + writer.message.data()});
  return std::move(writer.file);
}

}  // namespace sovren::jobs
