// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <cstddef>  // jpeglib.h needs these two before it
#include <cstdio>
#include <jpeglib.h>
// clang-format on
#include <jerror.h>

#include <csetjmp>
#include <string>

#include "jobs/rendering/pixels.h"

namespace sovren::jobs {

namespace {

// libjpeg leaves by longjmp(), as libpng does: only plain values live in what guarded() runs.
struct Reader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf out{};
  char message[JMSG_LENGTH_MAX] = "";
  const unsigned char* bytes = nullptr;
  unsigned long size = 0;
  std::byte* rows = nullptr;  ///< where read_rows() puts them
};

/// Passes over the picture; hostile files have thousands of empty ones.
constexpr int scans_max = 500;

[[noreturn]] void on_error(j_common_ptr info) {
  auto& reader = *static_cast<Reader*>(info->client_data);
  info->err->format_message(info, reader.message);
  std::longjmp(reader.out, 1);
}

/// Data that end early or make no sense are warnings to libjpeg, which fills with grey.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)
    on_error(info);
}

void on_progress(j_common_ptr info) {
  auto& reader = *static_cast<Reader*>(info->client_data);
  if (reader.info.input_scan_number <= scans_max) return;
  std::snprintf(reader.message, sizeof reader.message, "more than %d scans", scans_max);
  std::longjmp(reader.out, 1);
}

bool guarded(Reader& reader, void (*step)(Reader&)) {
  if (setjmp(reader.out) != 0) return false;
  step(reader);
  return true;
}

void read_head(Reader& reader) {
  jpeg_create_decompress(&reader.info);
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, reader.bytes, reader.size);
  jpeg_read_header(&reader.info, TRUE);
}

void read_rows(Reader& reader) {
  jpeg_start_decompress(&reader.info);
  const std::size_t row_bytes = std::size_t{reader.info.output_width} *
                                static_cast<std::size_t>(reader.info.output_components);
  while (reader.info.output_scanline < reader.info.output_height) {
    auto* row = reinterpret_cast<JSAMPROW>(reader.rows + reader.info.output_scanline * row_bytes);
    jpeg_read_scanlines(&reader.info, &row, 1);
  }
  jpeg_finish_decompress(&reader.info);
}

Result<Pixels> decoded(const PictureFile& file, Reader& reader) {
  const auto broken = [&] {
    return fail(broken_picture(file, std::string("broken JPEG: ") + reader.message));
  };
  if (!guarded(reader, read_head)) return broken();
  const J_COLOR_SPACE space = reader.info.jpeg_color_space;
  if (space == JCS_CMYK || space == JCS_YCCK)
    return fail(refused_picture(file, "a JPEG for printing (CMYK)", "save it as RGB"));
  const bool is_grey = space == JCS_GRAYSCALE;
  reader.info.out_color_space = is_grey ? JCS_GRAYSCALE : JCS_RGB;
  SOVREN_TRY(pixels, make_pixels(file, reader.info.image_width, reader.info.image_height,
                                 is_grey ? 1 : 3, Pixels::Depth::bits8));
  reader.rows = pixels.data.data();
  if (!guarded(reader, read_rows)) return broken();
  return pixels;
}

}  // namespace

Result<Pixels> decode_jpeg(const PictureFile& file) {
  Reader reader;
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.info.client_data = &reader;
  reader.errors.error_exit = on_error;
  reader.errors.emit_message = on_message;
  reader.progress.progress_monitor = on_progress;
  reader.bytes = reinterpret_cast<const unsigned char*>(file.bytes.data());
  reader.size = file.bytes.size();
  auto result = decoded(file, reader);
  jpeg_destroy_decompress(&reader.info);
  return result;
}

}  // namespace sovren::jobs
