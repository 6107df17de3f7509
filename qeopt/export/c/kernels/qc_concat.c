/* Values in units of the output, into its channels from `first_channel` on. */
#include "qc_core.h"

void qc_concat(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  uint8_t *out = qc_at(&layer->out, memory);
  const uint32_t places = (uint32_t)layer->height * layer->width, bits = layer->out.bits, mask = (1u << bits) - 1;
  uint32_t place, channel, at = 0;
  if (layer->first_channel == 0) memset(out, 0, (places * layer->channels * bits + 7) >> 3);
  for (place = 0; place < places; place++) {
    uint32_t to = (place * layer->channels + layer->first_channel) * bits;
    for (channel = 0; channel < layer->channels_in; channel++, at++, to += bits) {
      const int32_t value = qc_scale(qc_of(&layer->in, values, at), layer->scales[0], layer->shifts[0], layer);
      out[to >> 3] = (uint8_t)(out[to >> 3] | ((uint32_t)value & mask) << (to & 7)); /* nothing but zeros stood there */
    }
  }
}
