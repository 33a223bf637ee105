// SPDX-License-Identifier: Apache-2.0
// Measures one picture against another and prints all that quality_parity.py compares.
//   quality_dump DATA WIDTH HEIGHT
// DATA: (2, HEIGHT, WIDTH, 3) floats, the picture and its reference.
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#include "jobs/rendering/flip.h"
#include "jobs/rendering/quality.h"

namespace {

using namespace sovren;

void print(const char* name, const jobs::Plane& plane) {
  std::printf("%s", name);
  for (const float value : plane.values) std::printf(" %.9g", static_cast<double>(value));
  std::printf("\n");
}

jobs::Picture read_picture(std::ifstream& file, int width, int height) {
  jobs::Picture picture{.width = width, .height = height};
  picture.values.resize(jobs::pixels_of(picture) * 3);
  file.read(reinterpret_cast<char*>(picture.values.data()),
            static_cast<std::streamsize>(picture.values.size() * sizeof(float)));
  return picture;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  std::ifstream file(words[1], std::ios::binary);
  const int width = std::stoi(words[2]), height = std::stoi(words[3]);
  const jobs::Picture picture = read_picture(file, width, height);
  const jobs::Picture reference = read_picture(file, width, height);
  if (!file) return 2;
  const auto quality = jobs::compare(picture, reference);
  if (!quality) {
    std::fprintf(stderr, "%s\n", to_text(quality.error()).c_str());
    return 1;
  }
  std::printf("mse %.17g\nrel_mse %.17g\nrel_mse_trimmed %.17g\npsnr_db %.17g\nssim %.17g\n",
              quality->mse, quality->rel_mse, quality->rel_mse_trimmed, quality->psnr_db,
              quality->ssim);
  print("flip", jobs::flip(picture, reference));
  print("flip_20", jobs::flip(picture, reference, 20));
  print("flip_hdr", jobs::flip_hdr(picture, reference));
  return 0;
}
