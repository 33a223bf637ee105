// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "kernels/denoise/convolution.h"
#include "kernels/denoise/tensor_archive.h"

namespace sovren::denoise {

/// The network of Open Image Denoise's filter for ray tracing: five levels of 3 x 3 convolutions,
/// halved by the largest of 2 x 2 pixels on the way down, doubled on the way up, where the maps of
/// the way down come in again. Channels are those of the weights.
///
/// Source   training/model.py of Open Image Denoise (the layers and their names; the code is ours).
///          Chaitanya et al.: Interactive Reconstruction of Monte Carlo Image Sequences using a
///          Recurrent Denoising Autoencoder (SIGGRAPH 2017).
class UNet {
 public:
  /// name: of the archive's file, for messages.
  /// Errors   data_invalid: a tensor is not there or has another shape; the message names the
  ///          tensor, the shape that is wanted and that which was found. 3 (colour), 6 (and albedo)
  ///          or 9 (and normal) channels go in, 3 come out.
  static Result<UNet> make(const TensorArchive& archive, std::string_view name);

  static constexpr int alignment = 16;  ///< heights and widths are multiples of it
  /// So far away a pixel can still reach another.
  static constexpr int reach = 111;

  std::int64_t input_channels() const { return layers_.front().in; }

  const std::vector<Convolution>& layers() const { return layers_; }  ///< in the order of run()

  /// input: of input_channels(). Laws: the same bits for any number of threads.
  Map run(nn::Team& team, const Map& input) const;

 private:
  std::vector<Convolution> layers_;
};

}  // namespace sovren::denoise
