"""What the `.h5` files hold beside a model."""

import h5py
import keras
import numpy as np

from vaelab.records.run_folder import RunFolder


def test_the_decoder_holds_what_the_likelihood_learned_and_opens_in_plain_keras(tmp_path):
    z = keras.Input((2,))
    model = keras.Model(z, keras.layers.Dense(3)(z))
    folder = RunFolder(tmp_path)
    folder.save_models({"encoder": model, "decoder": model}, {"likelihood_variance": 0.25})
    with h5py.File(folder.model_file("decoder")) as file:
        assert file.attrs["likelihood_variance"] == 0.25
    with h5py.File(folder.model_file("encoder")) as file:
        assert "likelihood_variance" not in file.attrs
    again = keras.models.load_model(folder.model_file("decoder"), compile=False)
    codes = np.ones((1, 2), np.float32)
    np.testing.assert_allclose(np.asarray(again(codes)), np.asarray(model(codes)))
